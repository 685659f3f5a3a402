"""[metrics]: the numbers of a run as Prometheus reads them."""

from __future__ import annotations

from pydantic import Field

from sphering.config.table import Table


class MetricsConfig(Table):
    """A text file for Prometheus after each run, also after one that failed; nothing here changes a result."""

    file: str = Field(
        min_length=1,
        description=(
            "The `.prom` file, relative to this file; or a folder that exists, such as the node exporter's for its "
            "textfile collector, in which each corpus and channel has a file of its own."
        ),
    )
