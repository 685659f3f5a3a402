"""What is said of a source that gave no document: every reason with its count, and where the first bad row is."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from sphering.config.model import Config
from sphering.errors import EmptyCorpusError
from sphering.source.staged import Staged


def empty_corpus(config: Config, staged: Staged, quarantine: Path) -> EmptyCorpusError:
    """Return the error for a run that has no document: of its source, and of those that an upsert starts from.

    Parameters
    ----------
    config : Config
    staged : Staged
        The source's sums.
    quarantine : Path
        The Parquet file of its quarantined rows.
    """
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in staged.reasons.items())
    counts = f"{staged.rows_read:,} rows read, {staged.quarantined:,} quarantined" + (f": {reasons}" if reasons else "")
    counts += f", {staged.deleted:,} deletions" if staged.deleted else ""
    left = "leaves" if staged.deleted else "gave"
    path = config.source.path or "the sql query"
    return EmptyCorpusError(
        f"the source of corpus {config.corpus!r} {left} no document ({counts})",
        expected="at least one row with a text",
        where=(path if isinstance(path, str) else ", ".join(path)) + _first_of(quarantine),
        remedy="check [source] path, text and id; no snapshot and no ref was changed",
    )


def _first_of(quarantine: Path) -> str:
    """Return the place of the first quarantined row, as the end of a sentence."""
    with pq.ParquetFile(quarantine) as file:
        batch = next(iter(file.iter_batches(1)), None)
    if batch is None or not batch.num_rows:
        return ""
    (row,) = batch.to_pylist()
    place = f"{row['file']}, row {row['row']}" if row["file"] else f"id {row['doc_id']!r}"
    return f"; the first quarantined: {place}, {row['detail']}"
