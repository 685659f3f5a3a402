"""Keys that several formats share, each described once."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sphering.config.export.table import ExportConfig


class Sharded(ExportConfig):
    """A format that can be cut into several files."""

    shard_rows: int | None = Field(
        None, gt=0, description="Most vectors of a file, which then are numbered; by default there is one file."
    )


class Searched(ExportConfig):
    """A built index, whose settings of the search may be chosen by the recall that they reach.

    Attributes
    ----------
    chosen_by_recall : tuple of str
        The keys that `recall_at_10` chooses.
    """

    chosen_by_recall: ClassVar[tuple[str, ...]] = ()

    recall_at_10: float | None = Field(
        None,
        gt=0,
        lt=1,
        description=(
            "Choose the fastest search settings whose recall@10 is at least this by the lower end of its 95 % "
            "interval; the export's gate fails where none is."
        ),
    )

    @property
    def has_recall(self) -> bool:
        """An index may miss rows."""
        return True

    @property
    def least_recall(self) -> float | None:
        """The recall@10 that the search settings are chosen for."""
        return self.recall_at_10


class Renewed(ExportConfig):
    """A format whose index can be brought from one release to the next."""

    delta: bool = Field(
        False,
        description=(
            "Write beside the export what turns the base's export into it: upserts, deletes and changed metadata. "
            "Needs the base's transform and table."
        ),
    )
