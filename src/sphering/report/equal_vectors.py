"""Different texts with exactly the same vector, counted over every text of a snapshot."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.geometry.duplicates import indistinct_texts, row_hashes
from sphering.geometry.estimate import exact, undefined
from sphering.report.measured import Json, number
from sphering.store.shard import EMBEDDING, vector_rows
from sphering.store.snapshot import Snapshot


def equal_vector_metrics(snapshot: Snapshot) -> dict[str, Json]:
    """Return how many distinct texts share their vector, bit for bit, with a different text, and their share.

    One pass over the vectors; 24 bytes a document are kept of it, of which sorting takes four times as much.
    """
    texts = snapshot.manifest.texts
    equal = _count(snapshot)
    share = exact(equal / texts, texts) if texts else undefined("no text")
    return {
        "equal_vector_texts": number(exact(equal, texts), "texts"),
        "equal_vector_texts_share": number(share, "texts"),
    }


def _count(snapshot: Snapshot) -> int:
    vectors, texts = [np.empty((0, 2), np.uint64)], [np.empty(0, np.uint64)]
    for batch in snapshot.batches(["text_hash", EMBEDDING]):
        vectors.append(row_hashes(vector_rows(batch.column(1))))
        texts.append(_first_words(batch.column(0)))
    return indistinct_texts(np.concatenate(vectors), np.concatenate(texts))


def _first_words(hashes: pa.Array) -> NDArray[np.uint64]:
    """Return the first 64 bits of each SHA-256 of a column."""
    width = hashes.type.byte_width
    words = np.frombuffer(hashes.buffers()[1], dtype=np.uint64).reshape(-1, width // 8)
    return words[hashes.offset : hashes.offset + len(hashes), 0].copy()
