"""A snapshot: an immutable set of documents with the vectors of one encoder, as a manifest over shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.errors import IntegrityError
from sphering.sqltext import load, quote_literal
from sphering.store.database import DEFAULT, Bounds, bounded_connection
from sphering.store.dropped import dropped_table
from sphering.store.manifest import SnapshotManifest
from sphering.store.shard import EMBEDDING, read_batches, take_vectors, vector_rows

if TYPE_CHECKING:
    import polars as pl

BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Sample:
    """Distinct texts with the smallest hashes: the same documents from night to night.

    doc_ids has one document a text (the smallest id), text_hashes is (n, 32) uint8 in ascending order, vectors is
    (n, d) float32, and shards and rows are the places of those documents.
    """

    doc_ids: list[str]
    text_hashes: NDArray[np.uint8]
    vectors: NDArray[np.float32]
    shards: NDArray[np.int32]
    rows: NDArray[np.int64]


class Snapshot:
    """Reads a snapshot's documents and vectors, without its dropped rows.

    Parameters
    ----------
    manifest : SnapshotManifest
    paths : sequence of Path
        The local path of each shard, in the manifest's order.
    dropped : Path or None
        dropped.parquet with columns shard (position in the manifest) and row.
    bounds : Bounds
        Of the queries over all documents.
    """

    def __init__(
        self, manifest: SnapshotManifest, paths: Sequence[Path], dropped: Path | None, bounds: Bounds = DEFAULT
    ) -> None:
        self.manifest = manifest
        self.paths = tuple(paths)
        self.dropped_path = dropped
        self.bounds = bounds

    def within(self, bounds: Bounds) -> Snapshot:
        """Return a reader of the same documents whose queries keep other bounds."""
        return Snapshot(self.manifest, self.paths, self.dropped_path, bounds)

    @property
    def id(self) -> str:
        """The snapshot's id."""
        return self.manifest.id

    @property
    def dimension(self) -> int:
        """The dimension of its vectors."""
        return self.manifest.dimension

    @cached_property
    def _dropped(self) -> dict[int, NDArray[np.int64]]:
        if self.dropped_path is None:
            return {}
        table = pq.read_table(self.dropped_path)
        shards = table["shard"].to_numpy()
        rows = table["row"].to_numpy()
        return {int(shard): np.sort(rows[shards == shard]) for shard in np.unique(shards)}

    def dropped_rows(self, position: int) -> NDArray[np.int64]:
        """Return the rows of one shard that the snapshot leaves out, ascending."""
        return self._dropped.get(position, np.empty(0, dtype=np.int64))

    def shard_batches(self, position: int, columns: Sequence[str], rows: int = BLOCK_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the batches of one shard, without dropped rows."""
        dropped = self._dropped.get(position)
        start = 0
        for batch in read_batches(self.paths[position], columns, rows):
            count = batch.num_rows
            if dropped is not None:
                low, high = np.searchsorted(dropped, [start, start + count])
                if high > low:
                    keep = np.ones(count, dtype=bool)
                    keep[dropped[low:high] - start] = False
                    batch = batch.filter(pa.array(keep))
            start += count
            if batch.num_rows:
                yield batch

    def batches(self, columns: Sequence[str], rows: int = BLOCK_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the named columns, shard after shard; memory is bounded by one batch."""
        for position in range(len(self.paths)):
            yield from self.shard_batches(position, columns, rows)

    def vectors(self, rows: int = BLOCK_ROWS) -> Iterator[NDArray[np.float32]]:
        """Yield (m, d) float32 blocks of raw vectors, m <= rows, in the order of `batches`."""
        for batch in self.batches([EMBEDDING], rows):
            yield vector_rows(batch.column(0))

    def shard_vectors(self, position: int, rows: int = BLOCK_ROWS) -> Iterator[NDArray[np.float32]]:
        """Yield (m, d) float32 blocks of the raw vectors of one shard, without dropped rows."""
        for batch in self.shard_batches(position, [EMBEDDING], rows):
            yield vector_rows(batch.column(0))

    def scan(self) -> pl.LazyFrame:
        """Return a Polars LazyFrame over the documents, without dropped rows."""
        import polars as pl

        frames = []
        for position, path in enumerate(self.paths):
            frame = pl.scan_parquet(path)
            dropped = self._dropped.get(position)
            if dropped is not None:
                frame = frame.with_row_index("_row").filter(~pl.col("_row").is_in(dropped.tolist())).drop("_row")
            frames.append(frame)
        return pl.concat(frames)

    def register(self, connection: Any) -> None:
        """Create the DuckDB view `snapshot_rows` over the snapshot's documents on a connection."""
        register_rows(connection, self.paths, self.dropped_path)

    def sample(self, size: int) -> Sample:
        """Return up to `size` distinct texts with the smallest hashes, with their vectors."""
        with bounded_connection(self.bounds) as connection:
            self.register(connection)
            picked = connection.sql(load("snapshot_sample"), params={"size": size}).to_arrow_table()
        shards, rows = picked["shard"].to_numpy(), picked["row"].to_numpy()
        hashes = np.frombuffer(b"".join(picked["text_hash"].to_pylist()), dtype=np.uint8).reshape(-1, 32)
        return Sample(picked["doc_id"].to_pylist(), hashes, self.take(shards, rows), shards, rows)

    def distinct_texts(self) -> pa.Table:
        """Return the place (shard, row) of one document of each distinct text, in shard and row order."""
        with bounded_connection(self.bounds) as connection:
            self.register(connection)
            return connection.sql(load("snapshot_distinct_texts")).to_arrow_table()

    def places_of_texts(self, texts: pa.Table) -> pa.Table:
        """Return the places (fold, shard, row) of the documents with some texts, in that order.

        Parameters
        ----------
        texts : pyarrow.Table
            text_hash, of 32 bytes, and fold, a number that goes with it; a text may stand in several folds.
        """
        with bounded_connection(self.bounds) as connection:
            self.register(connection)
            connection.register("wanted_texts", texts)
            return connection.sql(load("snapshot_places_of_texts")).to_arrow_table()

    def take(self, shards: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors at (shard, row) pairs as (n, d) float32, in the order given."""
        out = np.empty((len(rows), self.dimension), dtype=np.float32)
        for shard in np.unique(shards):
            mask = shards == shard
            out[mask] = take_vectors(self.paths[int(shard)], rows[mask].astype(np.int64), self.dimension)
        return out

    def metadata_at(self, shards: NDArray[np.int32], rows: NDArray[np.int64]) -> list[str]:
        """Return the metadata at (shard, row) pairs as canonical JSON, in the order given; one shard in memory."""
        out = np.empty(len(rows), dtype=object)
        for shard in np.unique(shards):
            mask = shards == shard
            column = pq.read_table(self.paths[int(shard)], columns=["metadata"]).column(0)
            out[mask] = column.take(pa.array(rows[mask])).to_pylist()
        return out.tolist()


def register_rows(connection: Any, paths: Sequence[Path], dropped: Path | None) -> None:
    """Create the DuckDB view `snapshot_rows` over shards without dropped rows.

    Its columns: doc_id, text_hash, metadata_hash, n_tokens, n_unknown, truncated, metadata, vector_hash (64 bits, for
    the comparison of vectors), shard (position in `paths`), row.

    Raises
    ------
    IntegrityError
        If one of the files is missing.
    """
    for path in (*paths, dropped):
        if path is not None and not path.exists():
            raise IntegrityError(
                "a file of the snapshot is missing",
                expected="every shard that its manifest names",
                where=str(path),
                remedy="copy it back from a backup; `sphering verify` names all that is missing",
            )
    gone = dropped_table([], []) if dropped is None else pq.read_table(dropped)
    connection.register("snapshot_dropped", gone)
    places = {"filename": [str(path) for path in paths], "shard": pa.array(range(len(paths)), pa.int32())}
    connection.register("snapshot_shards", pa.table(places))
    connection.execute(load("snapshot_rows").replace("$paths", path_list(paths)))


def path_list(paths: Sequence[Path]) -> str:
    """Return paths as a DuckDB list literal, for views, which bind no parameter."""
    return "[" + ", ".join(quote_literal(str(path)) for path in paths) + "]"
