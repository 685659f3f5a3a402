"""The report of a release that exists: its page rendered again, its numbers shown again."""

from pathlib import Path
from typing import Any

from prefect import flow

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import concerning, named
from sphering.tasks.report import render


@flow(name="report", flow_run_name=named("report"))
def report(config: Config | Path, snapshot: str | None = None) -> dict[str, Any]:
    """Render a release's report.html again and return where it lies, beside the report's numbers.

    `snapshot` is an id, a unique prefix or a ref; by default the channel's `latest`.
    """
    settings = resolve(config)
    with concerning(settings):
        return render(settings, snapshot)
