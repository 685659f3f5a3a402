"""documents.parquet: which staged rows became documents, sorted by id, with their hashes and without their texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.source.conflict import Origin, equals_previous, refuse_conflict
from sphering.source.digest import HASH, ContentDigest
from sphering.source.grouped import GroupedWriter

DOCUMENTS = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("text_hash", HASH, nullable=False),
        pa.field("metadata_hash", HASH, nullable=False),
        pa.field("staged_at", pa.int64(), nullable=False),
        pa.field("weight", pa.int64(), nullable=False),
        pa.field("has_text", pa.bool_(), nullable=False),
    ]
)
"""A document: `staged_at` is the position of its row in rows.arrow, `weight` the bytes of its text and metadata.

A document lacks its text only where it is carried over from a snapshot without texts.
"""


@dataclass(frozen=True)
class Written:
    """What came of the rows."""

    documents: int
    carried: int
    deleted: int
    duplicates: int
    content_digest: str


def write_documents(keys: Any, rows: Path, target: Path, origin: Origin) -> Written:
    """Drop duplicates among sorted keys and write those of the documents.

    Texts stay where they are: of an unchanged corpus none is needed, and the others are fetched by `staged_at`.

    Parameters
    ----------
    keys
        A reader of keys, as ``sql/stage_keys.sql`` sorts them.
    rows, target : Path
        The file of checked rows; the Parquet file of documents, with the columns of `DOCUMENTS`.
    origin : Origin
        The rule for duplicates, and the names of the files.

    Raises
    ------
    SourceError
        If rows of one id differ and the rule is `error`; both places are named. Rows that are carried over do not
        count: tonight's take their place.
    """
    digest = ContentDigest()
    carried = deleted = duplicates = 0
    last: pa.RecordBatch | None = None
    with keys, GroupedWriter(target, DOCUMENTS, compression="none", use_dictionary=False) as writer:
        for batch in keys:
            again = equals_previous("doc_id", batch, last)
            is_carried, is_deleted = (_mask(batch[name]) for name in ("carried", "deleted"))
            duplicate = again & ~is_carried
            if origin.duplicates == "error" and duplicate.any():
                refuse_conflict(batch, last, duplicate, origin, rows)
            carried += int(np.sum(is_carried & ~again))
            deleted += int(np.sum(is_deleted & ~again))
            duplicates += int(np.sum(duplicate))
            stays = ~(again | is_deleted)
            kept = batch if stays.all() else batch.filter(pa.array(stays))
            digest.update(kept["row_hash"])
            writer.add(_as_documents(kept))
            last = batch.slice(batch.num_rows - 1)
    return Written(writer.rows, carried, deleted, duplicates, digest.hexdigest())


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)


def _as_documents(kept: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch([kept[field.name].cast(field.type) for field in DOCUMENTS], schema=DOCUMENTS)
