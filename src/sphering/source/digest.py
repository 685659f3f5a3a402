"""The content digest: one number for what a set of documents says, whatever order or files it came in."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from sphering.source.database import connected
from sphering.sqltext import load

HASH = pa.binary(32)
_BATCH_ROWS = 16384


class ContentDigest:
    """SHA-256 over row hashes in `doc_id` order, fed block by block.

    A row's hash is SHA-256(len ‖ doc_id ‖ text_hash ‖ metadata_hash), with `len` the length of the id's UTF-8 in
    bytes as 8 bytes, most significant first.
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def update(self, row_hashes: pa.Array) -> None:
        """Add row hashes, (n,) binary of 32 bytes each, none null."""
        for part in row_hashes.chunks if isinstance(row_hashes, pa.ChunkedArray) else [row_hashes]:
            values = part.cast(pa.binary(32))
            data = np.frombuffer(values.buffers()[1] or b"", np.uint8)
            self._sha256.update(data[32 * values.offset : 32 * (values.offset + len(values))].tobytes())

    def hexdigest(self) -> str:
        """Return the digest in 64 hex digits."""
        return self._sha256.hexdigest()


def content_digest(paths: Sequence[Path], memory: str = "1GB") -> str:
    """Return the content digest of the documents in Parquet files.

    Parameters
    ----------
    paths : sequence of Path
        Files with the columns doc_id, text_hash and metadata_hash, in any order; sorted on disk where they exceed
        `memory`.
    """
    found = ContentDigest()
    if not paths:
        return found.hexdigest()
    with tempfile.TemporaryDirectory() as scratch, connected(memory, Path(scratch)) as connection:
        names = [str(path) for path in paths]
        for batch in connection.sql(load("content_digest"), params={"paths": names}).to_arrow_reader(_BATCH_ROWS):
            found.update(batch.column(0))
    return found.hexdigest()
