"""The first half of the main job alone: a corpus from its source to a snapshot."""

from pathlib import Path
from typing import Any

from prefect import flow

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import carry_through, named, to_snapshot
from sphering.tasks.job import Job


@flow(name="embed", flow_run_name=named("embed"))
def embed(config: Config | Path) -> Any:
    """Ingest and embed a corpus and commit its snapshot; no release is made, no ref moves."""
    return carry_through(resolve(config), "embed", None, _work)


def _work(job: Job, config: Config) -> None:
    to_snapshot(job, config)
