"""[run]: how a run works, and not what comes of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sphering.config.table import ContradictionError, Name, Table
from sphering.cores import sensible_memory, sensible_workers


class RunConfig(Table):
    """How, not what: nothing here changes a result."""

    channel: Name = Field("main", description="The channel whose refs the run moves.")
    runner: Literal["thread", "dask", "ray"] = Field(
        "thread",
        description="Which Prefect task runner works the units: threads of the run, or processes of a cluster.",
    )
    address: str | None = Field(
        None,
        min_length=1,
        description=(
            "A running cluster, such as `tcp://scheduler:8786` of Dask or `ray://head:10001`; without it one of "
            "`workers` processes is started on this machine for the run."
        ),
    )
    workers: int = Field(
        default_factory=sensible_workers,
        ge=1,
        le=64,
        description=(
            "Units of work at once: while one is encoded on every core, the next is read and made into tokens, and the "
            "last one's shard is written. Of a cluster on this machine: its processes, which share the cores. By "
            "default 2, and 1 where this process may use less than 2 GiB."
        ),
    )
    unit_rows: int = Field(
        4096,
        ge=1,
        description=(
            "Most distinct texts of a unit of work, which also ends at 64 MB or 16 rows a text; one shard each."
        ),
    )
    wait: bool = Field(
        True,
        description="Where another run works on the corpus, wait for it; false fails at once (`--no-wait`).",
    )
    move_back: bool = Field(
        False,
        description=(
            "Publish with an encoder that the channel has left. Without it such a run is refused: it would undo a "
            "migration, because its file is the one of before."
        ),
    )
    memory: str = Field(
        default_factory=sensible_memory,
        pattern=r"^\d+(\.\d+)?(MB|GB)$",
        description=(
            "DuckDB's memory limit; beyond it, work spills to disk. By default 1 GB, and a quarter of what this "
            "process may use where that is less than 4 GB."
        ),
    )

    @model_validator(mode="after")
    def _address_is_of_a_cluster(self) -> Self:
        if self.address is not None and self.runner == "thread":
            raise ContradictionError(
                "threads have no address",
                ("address",),
                expected='runner = "dask" or "ray"',
                remedy="set `runner`, or leave `address` out",
            )
        return self
