"""quarantine.parquet: the rows that became no documents, each with its place and reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from sphering.source.block import Rejected

QUARANTINE = pa.schema(
    [
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("doc_id", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
        pa.field("text_hash", pa.binary(32)),
        pa.field("encoder", pa.string()),
    ]
)
EXCERPT_CHARACTERS = 200
_GROUP_ROWS = 16384


def excerpt(data: bytes) -> str:
    """Return the beginning of some bytes in at most 200 printable characters; what cannot be shown is escaped."""
    text = data[: 4 * EXCERPT_CHARACTERS].decode(errors="backslashreplace")[: EXCERPT_CHARACTERS + 1]
    shown = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
    return shown if len(shown) <= EXCERPT_CHARACTERS else shown[: EXCERPT_CHARACTERS - 1] + "…"


class QuarantineWriter:
    """Writes rejected rows as they come, and counts them by reason."""

    def __init__(self, path: Path) -> None:
        self.reasons: Counter[str] = Counter()
        self._writer = pq.ParquetWriter(path, QUARANTINE, compression="zstd")
        self._pending: list[dict[str, object]] = []

    def add(self, file: str | None, rejected: Sequence[Rejected]) -> None:
        """Write rows of one file, or of a query (None), which has no row numbers."""
        for row in rejected:
            self.reasons[row.reason] += 1
            self._pending.append(
                {
                    "file": file,
                    "row": None if file is None else row.row,
                    "doc_id": row.doc_id,
                    "reason": row.reason,
                    "detail": row.detail,
                    "excerpt": excerpt(row.excerpt),
                }
            )
        if len(self._pending) >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._pending, schema=QUARANTINE))
        self._pending = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        self._writer.close()
