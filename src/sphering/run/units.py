"""Which documents need a new shard, in units of work of whole texts, and where known vectors lie."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering.errors import ConfigError
from sphering.run.carry import ONCE_IN_FULL, carries_texts
from sphering.run.compaction import Staying, shards_to_rewrite
from sphering.run.database import connect
from sphering.run.ingest import refused_texts, register_staged, staged_of, staged_rows
from sphering.run.unit_cut import UnitCut
from sphering.run.workspace import Workspace, timed
from sphering.source.grouped import GROUP_ROWS, GroupedWriter
from sphering.source.reorder import PLACE, reorder
from sphering.source.rows import row_batches
from sphering.sqltext import load
from sphering.store.corpus import CorpusStore
from sphering.store.shard import CHUNK_PLACE, EMBEDDING, HASH
from sphering.store.snapshot import Snapshot, path_list

UNITS = "units"
_log = logging.getLogger(__name__)
_EXCERPT = 200  # characters
_MOST_BUCKETS = 400  # files open at once: the usual limit is 1,024
_PLACES = pa.schema(
    [
        *PLACE,
        pa.field("doc_id", pa.string()),
        pa.field("text_hash", HASH),
        pa.field("metadata_hash", HASH),
        pa.field("unit", pa.int64()),
        pa.field("source", pa.string()),
        pa.field("source_row", pa.int64()),
    ]
)
_DROPPED = pa.schema([pa.field("shard", pa.int32()), pa.field("row", pa.int64())])
_REFUSED = pa.schema(
    [pa.field("doc_id", pa.string()), pa.field("text_hash", pa.binary()), pa.field("excerpt", pa.string())]
)
_TEXTS = [pa.field("text", pa.string()), pa.field("metadata", pa.string())]
_WORK = [*_TEXTS, *list(_PLACES)[len(PLACE) :]]


@dataclass(frozen=True)
class Units:
    """The work of a run: `count` units, in which `encode` texts are new and `reuse` documents copy a vector.

    `unchanged` documents are as they were in the parent, of which `rewritten` are copied into new shards because theirs
    are small or mostly dropped; `known_refused` are quarantined because this encoder gave no usable vector for their
    text before; `removed` counts the parent's ids that the source has no more.
    """

    count: int
    encode: int
    reuse: int
    unchanged: int
    known_refused: int
    removed: int
    rewritten: int


@timed("units")
def plan_units(path: Path) -> Units:
    """Compare the staged documents with the parent and cut what is not there into units, in text-hash order.

    The cut depends on the parent and the source alone, so that a killed run's shards have the names that the next
    run computes, and are adopted whole.

    Raises
    ------
    ConfigError
        If documents that an upsert carries over are to be encoded, but their texts were not kept.
    """
    workspace = Workspace(path)
    corpus, encoder = workspace.corpus, workspace.begun["encoder"]
    parent = find_parent(corpus, encoder)
    with connect(workspace) as connection:
        _register(connection, workspace, corpus, encoder, parent)
        keep = "true" if _keeps_shards(workspace, parent) else "false"
        connection.execute(load("units_classify").replace("$keep", keep))
        rewritten = _rewrite(connection, workspace, parent)
        _find_known(connection, corpus, encoder)
        _require_texts(connection, workspace)
        refused, kept, in_parent, encode, reuse, rows, size = _counts(connection)
        before = parent.manifest.documents if parent else 0
        _write_dropped(connection, workspace, before - kept)
        _write_refused(connection, workspace, refused)
        cut = UnitCut(texts_a_unit(encode + reuse, workspace.config.run.unit_rows))
        count = _cut(connection, workspace, cut, cut.at_most(encode + reuse, rows, size))
        units = Units(count, encode, reuse - rewritten, kept + rewritten, refused, before - in_parent, rewritten)
    workspace.write("units", {**asdict(units), "parent": parent.id if parent else None})
    return units


def _keeps_shards(workspace: Workspace, parent: Snapshot | None) -> bool:
    """Return whether the parent's shards hold texts and the places of chunks, or leave them out, as the new ones will.

    Where they do not, all are written anew with their vectors; but a snapshot of the same documents exists, and stays.
    """
    if parent is None:
        return True
    staged, manifest = staged_of(workspace), parent.manifest
    texts = manifest.keep_text == workspace.config.source.keep_text
    chunks = (manifest.chunk is None) == (staged.chunk is None)
    return (texts and chunks) or manifest.content_digest == staged.content_digest


def texts_a_unit(texts: int, most: int) -> int:
    """Return the texts of each unit where they are cut evenly into as few as possible.

    A small one at the end would pad more for its size, and its shard would soon be written again.
    """
    units = max(-(-texts // most), 1)
    return max(-(-texts // units), 1)


def unit_path(workspace: Workspace, unit: int) -> Path:
    """Return the Parquet file of one unit's documents."""
    return workspace.folder(UNITS) / f"{unit:06d}.parquet"


def find_parent(corpus: CorpusStore, encoder: str) -> Snapshot | None:
    """Return the newest committed snapshot of an encoder, by run record: it serves only to reuse vectors."""
    for record in corpus.newest_runs():
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
    register_staged(connection, workspace)
    refused = pa.table({"text_hash": pa.array(sorted(refused_texts(workspace, encoder)), HASH)})
    connection.register("refused_before", refused)
    if parent is None or not parent.paths:
        connection.execute(load("units_no_parent"))
    else:
        parent.register(connection)


def _rewrite(connection: Any, workspace: Workspace, parent: Snapshot | None) -> int:
    """Take the documents of shards that are small or mostly dropped for new ones; return how many."""
    if parent is None:
        return 0
    values = {"vector_bytes": 4 * parent.dimension}
    found = connection.execute(load("units_staying"), values).fetchall()
    staying = [
        Staying(shard, documents, size, parent.manifest.shards[shard].rows) for shard, documents, size, _ in found
    ]
    chosen = shards_to_rewrite(staying, workspace.config.run.unit_rows, found[0][-1] if found else 0)
    if chosen:
        connection.execute(load("units_rewrite"), {"shards": chosen})
    return sum(entry.documents for entry in staying if entry.shard in set(chosen))


def _find_known(connection: Any, corpus: CorpusStore, encoder: str) -> None:
    # On an object store a shard is fetched to be read: not where nothing is to be written.
    files = shard_files(corpus, encoder) if connection.execute(load("units_any_written")).fetchall()[0][0] else []
    paths = [path for _, path in files if _is_readable(corpus, path)]
    if paths:
        connection.execute(load("units_known").replace("$paths", path_list(paths)))
    else:
        connection.execute(load("units_nothing_known"))


def _is_readable(corpus: CorpusStore, path: Path) -> bool:
    """Return whether a file is a shard; one that is none would only have spared work: a warning names it."""
    try:
        names = pq.read_schema(path).names
        unlike = None if {"text_hash", EMBEDDING} <= set(names) else f"its columns are {', '.join(names)}"
    except (pa.ArrowException, OSError) as error:
        unlike = str(error)
    if unlike is not None:
        words = f"the shard {path} cannot be read, so texts that it alone holds are encoded again: {unlike}"
        _log.warning("%s", corpus.files.named(words))
    return unlike is None


def _counts(connection: Any) -> tuple[int, ...]:
    return tuple(map(int, connection.execute(load("units_counts")).fetchall()[0]))


def _require_texts(connection: Any, workspace: Workspace) -> None:
    if carries_texts(workspace):
        return
    textless = int(connection.execute(load("units_textless")).fetchall()[0][0])
    if textless:
        raise ConfigError(
            f"{textless:,} documents that are carried over have no text, and no vector of the encoder "
            f"{workspace.begun['encoder']}",
            expected="their vectors, since [source] keep_text = false left their texts out",
            where="[encoder]",
            remedy=ONCE_IN_FULL,
        )


def _write_dropped(connection: Any, workspace: Workspace, count: int) -> None:
    """Leave the (shard, row) pairs of the parent that the new snapshot drops."""
    table = connection.sql(load("units_dropped")).to_arrow_table() if count else _DROPPED.empty_table()
    pq.write_table(table, workspace.path / "dropped.parquet")


def _write_refused(connection: Any, workspace: Workspace, count: int) -> None:
    table = _REFUSED.empty_table()
    if count:
        found = connection.sql(load("units_refused")).to_arrow_table()
        excerpts = _excerpts(staged_rows(workspace), found["staged_at"])
        table = pa.table([found["doc_id"], found["text_hash"], excerpts], names=_REFUSED.names)
    pq.write_table(table, workspace.path / "refused-before.parquet")


def _excerpts(rows: Path, positions: pa.ChunkedArray) -> pa.Array:
    """Return the beginnings of the texts of rows."""
    found: dict[int, str | None] = {}
    for batch in row_batches(rows, ["staged_at", "text"]):
        batch = batch.filter(pc.is_in(batch["staged_at"], value_set=positions))
        texts = pc.utf8_slice_codeunits(batch["text"], 0, _EXCERPT)
        found |= dict(zip(batch["staged_at"].to_pylist(), texts.to_pylist(), strict=True))
    return pa.array([found[position] for position in positions.to_pylist()], pa.string())


def _cut(connection: Any, workspace: Workspace, cut: UnitCut, at_most: int) -> int:
    """Write the units, in text-hash order; return how many.

    `at_most` bounds their number, so that no more files are open at once than a process may have.
    """
    places = workspace.folder(UNITS) / "places.parquet"
    count = _place(connection, places, cut, 1 + at_most // _MOST_BUCKETS)
    chunked = staged_of(workspace).chunk is not None
    wanted = pa.schema([*_WORK, *(CHUNK_PLACE if chunked else ())])
    tables = reorder(connection, staged_rows(workspace), places, wanted) if count else ()
    for table in tables:
        numbers = table["unit"].to_numpy()
        for unit in np.unique(numbers):
            start, end = np.searchsorted(numbers, [unit, unit + 1])
            part = table.slice(start, end - start).drop_columns("unit")
            pq.write_table(part, unit_path(workspace, int(unit)), compression="zstd")
    places.unlink()
    return count


def _place(connection: Any, target: Path, cut: UnitCut, units_a_bucket: int) -> int:
    """Write for each row its rank, its unit and its bucket, which holds whole units; return the number of units."""
    reader = connection.sql(load("units_work")).to_arrow_reader(GROUP_ROWS)
    with reader, GroupedWriter(target, _PLACES, compression="lz4") as writer:
        for batch in reader:
            units = cut.take(batch["text_hash"].cast(HASH), batch["weight"].to_numpy())
            counted = {
                "rank": pa.array(np.arange(writer.rows, writer.rows + batch.num_rows)),
                "bucket": pa.array((units // units_a_bucket).astype(np.int32)),
                "unit": pa.array(units),
            }
            columns = {**{name: batch[name] for name in batch.schema.names}, **counted}
            values = [columns[field.name].cast(field.type) for field in _PLACES]
            writer.add(pa.record_batch(values, schema=_PLACES))
    return cut.count
