"""A new transform over what is there: no text is encoded, every exported vector moves."""

from pathlib import Path
from typing import Any

from prefect import flow

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import carry_through, named, over_selected


@flow(name="refit", flow_run_name=named("refit"))
def refit(config: Config | Path) -> Any:
    """Fit the transform anew on the channel's newest snapshot, whatever [transform] refit says, and export.

    The release is published where its gates pass; the nights after keep its transform.
    """
    return carry_through(resolve(config), "refit", None, over_selected)
