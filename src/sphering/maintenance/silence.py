"""What run records and quarantined rows say of erased documents is taken out of them; the rest stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering.identity import sha256_bytes
from sphering.source.chunking import CHUNK_SUFFIX
from sphering.source.opened import COMPRESSIONS
from sphering.source.reasons import ENCODER_REFUSED
from sphering.store.corpus import CorpusStore
from sphering.store.documents import to_bytes


def quarantined_rows(corpus: CorpusStore, run: str, erased: pa.Array) -> int | None:
    """Return how many rows of these ids a run quarantined; None where nothing that it quarantined names one."""
    key = corpus.layout.quarantine(run)
    if not corpus.files.exists(key):
        return None
    table = pq.read_table(corpus.files.path(key), columns=["doc_id", "excerpt", "file", "reason"])
    count = int(pc.sum(_is_of(table, erased)).as_py() or 0)
    return count if count or pc.any(_quotes(table, erased)).as_py() else None


def _is_of(table: pa.Table, erased: pa.Array) -> pa.ChunkedArray:
    """Return which rows are of some ids; those that an encoder refused may be chunks of theirs."""
    refused = pc.equal(table["reason"], ENCODER_REFUSED)
    parents = pc.replace_substring_regex(table["doc_id"], CHUNK_SUFFIX, "")
    of_parents = pc.and_(refused, pc.is_in(parents, value_set=erased))
    return pc.or_(pc.is_in(table["doc_id"], value_set=erased), of_parents)


def _quotes(table: pa.Table, erased: pa.Array) -> pa.ChunkedArray:
    """Return which rows without an id quote one of some ids: a malformed row may be that of an erased document."""
    quoting = pl.Series(table["excerpt"]).str.contains_any(erased.to_pylist()).fill_null(value=False).to_arrow()
    silent = pc.or_(pa.chunked_array([quoting]), _is_of_file(table, erased))
    return pc.and_(pc.is_null(table["doc_id"]), silent)


def _is_of_file(table: pa.Table, erased: pa.Array) -> pa.ChunkedArray:
    """Return which rows are of a file that was one of some documents."""
    ids = erased.to_pylist()
    files = [path for path in table["file"].unique().to_pylist() if _is_file_of(path, ids)]
    return pc.is_in(table["file"], value_set=pa.array(files, pa.string()))


def clean_quarantine(corpus: CorpusStore, run: str, erased: pa.Array) -> None:
    """Take the rows of erased documents out of a run's quarantine, and say in its record how many there were.

    Rows without an id stay, without their excerpt where it quotes an erased id, and without their file where that was
    one. The record comes first: where this is killed between the two, the rows are still there, and the next purge
    finds them and a record that says already what it is about to do.
    """
    key = corpus.layout.quarantine(run)
    before = corpus.files.read(key)
    table = pq.read_table(pa.BufferReader(before))
    nothing = pa.scalar(None, pa.string())
    for name, silent in (("excerpt", _quotes(table, erased)), ("file", _is_of_file(table, erased))):
        values = pc.if_else(silent, nothing, table[name])
        table = table.set_column(table.schema.get_field_index(name), name, values)
    left = table.filter(pc.invert(_is_of(table, erased)))
    sink = pa.BufferOutputStream()
    pq.write_table(left, sink, compression="zstd")
    data = bytes(sink.getvalue())
    record, cleaned = corpus.run_record(run), sha256_bytes(data)
    if record is not None and record["quarantine_sha256"] != cleaned:
        purged = record.get("purged", 0) + table.num_rows - left.num_rows
        record |= {"quarantine_sha256": cleaned, "purged": purged, "purged_from_sha256": sha256_bytes(before)}
        corpus.files.replace(corpus.layout.run(run), to_bytes(record))
    corpus.files.replace(key, data)


def silence_records(corpus: CorpusStore, ids: Sequence[str]) -> None:
    """Take out of run records the errors that name an erased id, and the files that were an erased document."""
    for record in corpus.run_records():
        silenced = _silenced(record, ids)
        if silenced != record:
            corpus.files.replace(corpus.layout.run(record["run"]), to_bytes(silenced))


def _silenced(record: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Any]:
    """Return a record without the errors, which may quote a text beside its id, nor the paths and hashes of files."""
    silenced = dict(record)
    error = record.get("error")
    if error is not None and any(name in error for name in ids):
        silenced["error"] = f"{error.split(':', 1)[0]}: it named a document that was erased since"
    if record.get("sources"):
        silenced["sources"] = [
            {**file, "path": None, "sha256": None} if _is_file_of(file["path"], ids) else file
            for file in record["sources"]
        ]
    return silenced


def _is_file_of(path: str | None, ids: Sequence[str]) -> bool:
    """Return whether a source's file is one of some documents: text files have their paths for ids."""
    if path is None:
        return False
    bare = path.removesuffix(Path(path).suffix) if Path(path).suffix in COMPRESSIONS else path
    return any(bare == name or bare.endswith(f"/{name}") for name in ids)
