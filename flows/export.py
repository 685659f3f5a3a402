"""Exports made later, over a snapshot that exists."""

from pathlib import Path
from typing import Any

from prefect import flow

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import carry_through, named, over_selected


@flow(name="export", flow_run_name=named("export"))
def export(config: Config | Path, snapshot: str | None = None) -> Any:
    """Write the configured exports of a snapshot and make their release, which moves `latest` only.

    `snapshot` is an id, a unique prefix or a ref; by default the channel's `latest`.
    """
    return carry_through(resolve(config), "export", snapshot, over_selected)
