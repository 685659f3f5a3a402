"""What staging a source came to: counts that add up, the files read, the content digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sphering.errors import IntegrityError
from sphering.source.opened import SourceFile

ROWS_FILE = "rows.arrow"
DOCUMENTS_FILE = "documents.parquet"
QUARANTINE_FILE = "quarantine.parquet"
STAGED_FILE = "staged.json"


@dataclass(frozen=True)
class Staged:
    """The sums of a source.

    Parameters
    ----------
    rows_read, source_documents, quarantined, duplicates, deleted : int
        ``rows_read = source_documents + quarantined + duplicates + deleted``; `deleted` counts the ids that an upsert
        is told to remove.
    documents, carried : int
        `carried` documents are those that an upsert leaves as they were; ``documents = carried + source_documents``,
        or, where source documents are cut, ``documents = carried + chunks``.
    chunks : int or None
        The chunks of tonight's source documents; None where they are not cut.
    chunk : mapping or None
        What decided where they were cut; see `sphering.text.chunk.Chunker.document`.
    texts : int
        Distinct texts among the documents.
    reasons : mapping of str to int
        The quarantined rows by reason.
    content_digest : str
        See `sphering.source.content_digest`.
    files : tuple of SourceFile
        The files that were read; none for `sql`.
    """

    rows_read: int
    source_documents: int
    documents: int
    texts: int
    quarantined: int
    reasons: Mapping[str, int]
    duplicates: int
    content_digest: str
    files: tuple[SourceFile, ...]
    carried: int = 0
    deleted: int = 0
    chunks: int | None = None
    chunk: Mapping[str, Any] | None = None

    def check(self) -> None:
        """Raise IntegrityError unless the sums add up."""
        accounted = self.source_documents + self.quarantined + self.duplicates + self.deleted
        if self.rows_read != accounted or self.quarantined != sum(self.reasons.values()):
            raise IntegrityError(
                f"{self.rows_read} rows were read, {accounted} are accounted for: {self.source_documents} source "
                f"documents, {self.quarantined} quarantined ({sum(self.reasons.values())} with a reason), "
                f"{self.duplicates} duplicates, {self.deleted} deletions",
                expected="rows read = source documents + quarantined + duplicates + deletions",
                remedy="report this with the source's format; nothing was committed",
            )
        tonight = self.source_documents if self.chunks is None else self.chunks
        if self.documents != self.carried + tonight:
            raise IntegrityError(
                f"{self.documents} documents are staged, {self.carried} of them carried over, and {tonight} are "
                "tonight's",
                expected="documents = those carried over + tonight's",
                remedy="report this with the source's format; nothing was committed",
            )

    def save(self, directory: Path) -> None:
        """Write staged.json."""
        (directory / STAGED_FILE).write_text(json.dumps(asdict(self), indent=1, sort_keys=True), encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read staged.json back."""
        fields = json.loads((directory / STAGED_FILE).read_text(encoding="utf-8"))
        fields["files"] = tuple(SourceFile(**file) for file in fields["files"])
        return cls(**fields)
