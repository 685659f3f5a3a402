"""Which documents need a new shard, in units of work cut by distinct text, and where known vectors lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sphering.run.database import connect
from sphering.run.ingest import refused_texts, staged_documents
from sphering.run.workspace import Workspace, timed
from sphering.sqltext import load, quote_literal
from sphering.store.corpus import CorpusStore
from sphering.store.shard import HASH
from sphering.store.snapshot import Snapshot, path_list

UNITS = "units"
_STREAM_ROWS = 16384


@dataclass(frozen=True)
class Units:
    """The work of a run: `count` units, in which `encode` texts are new and `reuse` documents copy a vector.

    `unchanged` documents stay where they are in the parent's shards; `known_refused` are quarantined because this
    encoder gave no usable vector for their text before; `removed` counts the parent's ids that the source has no more.
    """

    count: int
    encode: int
    reuse: int
    unchanged: int
    known_refused: int
    removed: int


@timed("units")
def plan_units(path: Path) -> Units:
    """Compare the staged documents with the parent and cut what is not there into units, in text-hash order.

    The cut depends on the parent and the source alone, so that a killed run's shards have the names that the next
    run computes, and are adopted whole.
    """
    workspace = Workspace(path)
    corpus, encoder = workspace.corpus, workspace.begun["encoder"]
    parent = find_parent(corpus, encoder)
    with connect(workspace) as connection:
        _register(connection, workspace, corpus, encoder, parent)
        connection.execute(load("units_classify"))
        counts = connection.execute(load("units_counts")).fetchall()[0]
        _write_dropped(connection, workspace)
        _write_refused(connection, workspace)
        reader = connection.sql(load("units_work")).to_arrow_reader(_STREAM_ROWS)
        count = _cut(reader, workspace.folder(UNITS), workspace.config.run.unit_rows)
    units = Units(count, *(int(value) for value in counts))
    workspace.write("units", {**asdict(units), "parent": parent.id if parent else None})
    return units


def unit_path(workspace: Workspace, unit: int) -> Path:
    """Return the Parquet file of one unit's documents."""
    return workspace.folder(UNITS) / f"{unit:06d}.parquet"


def find_parent(corpus: CorpusStore, encoder: str) -> Snapshot | None:
    """Return the newest committed snapshot of an encoder, by run record: it serves only to reuse vectors."""
    for record in reversed(corpus.run_records()):
        snapshot = record.get("snapshot")
        if snapshot and record.get("encoder") == encoder and corpus.files.exists(corpus.layout.manifest(snapshot)):
            return corpus.snapshot(snapshot)
    return None


def shard_files(corpus: CorpusStore, encoder: str) -> list[tuple[str, Path]]:
    """Return (shard id, local path) of every shard of an encoder, also of runs that were killed."""
    folder = corpus.layout.shards(encoder)
    names = [name for name in corpus.files.children(folder) if name.endswith(".parquet") and name != "probe.parquet"]
    return [(name.removesuffix(".parquet"), corpus.files.path(f"{folder}/{name}")) for name in names]


def _register(
    connection: Any, workspace: Workspace, corpus: CorpusStore, encoder: str, parent: Snapshot | None
) -> None:
    documents = quote_literal(str(staged_documents(workspace)))  # a view binds no parameter
    connection.execute(f"CREATE VIEW staged AS SELECT * FROM read_parquet({documents})")
    refused = pa.table({"text_hash": pa.array(sorted(refused_texts(workspace, encoder)), HASH)})
    connection.register("refused_before", refused)
    if parent is None or not parent.paths:
        connection.execute(load("units_no_parent"))
    else:
        parent.register(connection)
    files = shard_files(corpus, encoder)
    if files:
        connection.execute(load("units_known").replace("$paths", path_list([path for _, path in files])))
    else:
        connection.execute(load("units_nothing_known"))


def _write_dropped(connection: Any, workspace: Workspace) -> None:
    """Leave the (shard, row) pairs of the parent that the new snapshot drops."""
    table = connection.sql(load("units_dropped")).to_arrow_table()
    pq.write_table(table, workspace.path / "dropped.parquet")


def _write_refused(connection: Any, workspace: Workspace) -> None:
    table = connection.sql(load("units_refused")).to_arrow_table()
    pq.write_table(table, workspace.path / "refused-before.parquet")


def _cut(batches: Iterator[pa.RecordBatch], folder: Path, unit_rows: int) -> int:
    """Write units of `unit_rows` distinct texts from documents that stream in text-hash order; return how many."""
    pending: list[pa.Table] = []
    unit = texts = 0
    last: bytes | None = None
    for batch in batches:
        table = _fixed_hashes(pa.Table.from_batches([batch]))
        starts = _text_starts(table["text_hash"], last)
        last = table["text_hash"][-1].as_py() if table.num_rows else last
        begin = 0
        for position in _borders(starts, texts, unit_rows):
            pending.append(table.slice(begin, position - begin))
            _write_unit(folder, unit, pending)
            pending, unit, texts, begin = [], unit + 1, 0, position
        pending.append(table.slice(begin))
        texts += int(starts[begin:].sum())
    if sum(part.num_rows for part in pending):
        _write_unit(folder, unit, pending)
        unit += 1
    return unit


def _fixed_hashes(table: pa.Table) -> pa.Table:
    # DuckDB knows no fixed-size binary: hashes come back as BLOB.
    for name in ("text_hash", "metadata_hash"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(HASH))
    return table


def _text_starts(column: pa.ChunkedArray, last: bytes | None) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return, for each row, whether its text differs from the row before."""
    array = column.combine_chunks()
    values = np.frombuffer(array.buffers()[1], dtype=np.uint8)[array.offset * 32 : (array.offset + len(array)) * 32]
    hashes = values.reshape(-1, 32)
    starts = np.ones(len(hashes), dtype=bool)
    starts[1:] = (hashes[1:] != hashes[:-1]).any(axis=1)
    if len(hashes) and last is not None:
        starts[0] = hashes[0].tobytes() != last
    return starts


def _borders(starts: np.ndarray[Any, np.dtype[np.bool_]], texts: int, unit_rows: int) -> list[int]:
    """Return the row positions at which a new unit begins, `texts` distinct texts being pending."""
    ordinal = texts + np.cumsum(starts)
    positions = np.flatnonzero(starts & (ordinal > unit_rows) & ((ordinal - 1) % unit_rows == 0))
    return [int(position) for position in positions]


def _write_unit(folder: Path, unit: int, parts: list[pa.Table]) -> None:
    pq.write_table(pa.concat_tables(parts).combine_chunks(), folder / f"{unit:06d}.parquet", compression="zstd")
