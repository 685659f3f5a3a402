"""The main job: one corpus from its source to a reported, exported, published release."""

from pathlib import Path
from typing import Any

from prefect import flow

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import carry_through, named, to_release, to_snapshot
from sphering.tasks.job import Job


@flow(name="main-job", flow_run_name=named("run"))
def main_job(config: Config | Path) -> Any:
    """Take a corpus to a release: ingest, embed, snapshot, transform, measure, export, gates, publish.

    `config` is the path of a sphering.toml, or its content. The result is what `sphering run --json` prints.
    """
    return carry_through(resolve(config), "run", None, _work)


def _work(job: Job, config: Config) -> None:
    if to_snapshot(job, config):
        to_release(job)
