"""What a user does with a published export: each consumer opens it with its own library and finds the ten best.

Nothing of ours is imported but what starts PostgreSQL: a folder and queries are all that there is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.export.postgres import Database

K = 10


@dataclass(frozen=True)
class Asked:
    """A published folder and queries: as the encoder gives them, and as the export's page wants them.

    raw is (q, d), unit (q, k) float32; `scratch` is an empty folder, `database` makes an empty database.
    """

    folder: Path
    raw: NDArray[np.float32]
    unit: NDArray[np.float32]
    scratch: Path
    database: Callable[[], Database]


Found = tuple[list[list[str]], NDArray[Any]]
"""The ids of the ten best documents of each query, and what the consumer says that their inner products are."""


def _named(asked: Asked, rows: NDArray[Any], scores: NDArray[Any]) -> Found:
    ids = pq.read_table(asked.folder / "ids.parquet")["doc_id"].to_pylist()
    assert (rows.astype(np.int64) >= 0).all()
    return [[ids[row] for row in found] for found in rows.tolist()], scores


def _multiplied(unit: NDArray[Any], vectors: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    scores = unit @ vectors.T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :K]
    return rows, np.take_along_axis(scores, rows, axis=1)


def numpy_memmap(asked: Asked) -> Found:
    """npy: mapped, decoded as the page does."""
    parts = [np.load(path, mmap_mode="r") for path in sorted(asked.folder.glob("vectors*.npy"))]
    vectors, unit = np.concatenate(parts), asked.unit
    if vectors.dtype == np.uint8:
        vectors = np.where(np.unpackbits(vectors, axis=1, count=unit.shape[1]), 1, -1)
        unit = np.where(unit > 0, 1, -1)
    if vectors.dtype == np.int8:
        vectors = vectors * np.load(asked.folder / "scales.npy")
    return _named(asked, *_multiplied(unit, vectors.astype(np.float32)))


def usearch_io(asked: Asked) -> Found:
    """fbin: viewed by usearch.io and searched by usearch's exact search."""
    from usearch.index import MetricKind, search
    from usearch.io import load_matrix

    dtypes = {".fbin": np.float32, ".f16bin": np.float16, ".i8bin": np.int8}
    (path,) = (found for found in asked.folder.glob("vectors.*") if found.suffix in dtypes)
    vectors = load_matrix(str(path), dtype=dtypes[path.suffix], view=True)
    if path.suffix == ".i8bin":
        vectors = vectors * np.load(asked.folder / "scales.npy")
    found = search(vectors.astype(np.float32), asked.unit, K, MetricKind.IP, exact=True)
    return _named(asked, found.keys, 1 - found.distances)


def diskann_read(asked: Asked) -> Found:
    """fbin with int8: read by DiskANN."""
    import diskannpy

    vectors = diskannpy.vectors_from_file(str(asked.folder / "vectors.i8bin"), np.int8)
    return _named(asked, *_multiplied(asked.unit, vectors * np.load(asked.folder / "scales.npy")))


def diskann_index(asked: Asked) -> Found:
    """fbin: the file that DiskANN builds its index from."""
    import diskannpy

    diskannpy.build_disk_index(
        data=str(asked.folder / "vectors.fbin"),
        distance_metric="cosinenormalized",
        index_directory=str(asked.scratch),
        complexity=64,
        graph_degree=32,
        build_memory_maximum=1.0,
        num_threads=2,
        num_of_pq_chunks=asked.unit.shape[1] // 2,
        vector_dtype=np.float32,
    )
    index = diskannpy.StaticDiskIndex(str(asked.scratch), 2, 100, distance_metric="cosinenormalized")
    found = index.batch_search(asked.unit, K, 64, 2)
    return _named(asked, found.identifiers, 1 - found.distances)


def ground_truth(asked: Asked) -> Found:
    """fbin: the neighbours beside the vectors, as cuVS reads them, of the queries beside them."""
    from usearch.io import load_matrix

    queries, scores = (load_matrix(str(asked.folder / name)) for name in ("queries.fbin", "groundtruth.distances.fbin"))
    assert np.array_equal(queries, asked.unit)
    rows = load_matrix(str(asked.folder / "groundtruth.neighbors.ibin"))
    return _named(asked, rows[:, :K], scores[:, :K])


def polars(asked: Asked) -> Found:
    """parquet: a column of the type Array."""
    import polars as pl

    frame = pl.read_parquet(asked.folder / "vectors*.parquet")
    vectors = frame["embedding"].to_numpy().astype(np.float32)
    return _column(asked, frame["doc_id"].to_list(), vectors, frame.to_dict().get("scale"))


def pyarrow(asked: Asked) -> Found:
    """parquet: a fixed-size list."""
    table = pa.concat_tables([pq.read_table(path) for path in sorted(asked.folder.glob("vectors*.parquet"))])
    vectors = table["embedding"].combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1).astype(np.float32)
    return _column(
        asked, table["doc_id"].to_pylist(), vectors, table["scale"] if "scale" in table.schema.names else None
    )


def _column(asked: Asked, ids: list[str], vectors: NDArray[Any], scale: Any) -> Found:
    if scale is not None:
        vectors = vectors * scale.to_numpy()[:, None]
    elif (asked.folder / "scales.npy").is_file():
        vectors = vectors * np.load(asked.folder / "scales.npy")
    rows, scores = _multiplied(asked.unit, vectors)
    return [[ids[row] for row in found] for found in rows.tolist()], scores


def duckdb_parquet(asked: Asked) -> Found:
    """parquet: the cast that DuckDB needs."""
    import duckdb

    with duckdb.connect() as connection:
        files = asked.folder / "vectors*.parquet"
        connection.execute(
            f"CREATE VIEW vectors AS SELECT doc_id, embedding::FLOAT[{asked.unit.shape[1]}] AS embedding FROM '{files}'"
        )
        return _sql(connection, asked)


def duckdb_file(asked: Asked) -> Found:
    """duckdb: the table as it is."""
    import duckdb

    with duckdb.connect(asked.folder / "vectors.duckdb", read_only=True) as connection:
        return _sql(connection, asked)


def _sql(connection: Any, asked: Asked) -> Found:
    statement = (
        f"SELECT doc_id, array_inner_product(embedding, $query::FLOAT[{asked.unit.shape[1]}]) AS score FROM vectors "
        f"ORDER BY score DESC LIMIT {K}"
    )
    return _hits(connection.execute(statement, {"query": query.tolist()}).fetchall() for query in asked.unit)


def _hits(answers: Iterator[list[Any]]) -> Found:
    kept = list(answers)
    return [[hit[0] for hit in hits] for hits in kept], np.array([[hit[1] for hit in hits] for hits in kept])


def lance(asked: Asked) -> Found:
    """parquet: the column as Lance takes it, searched without an index."""
    import lance

    table = pq.read_table(asked.folder / "vectors.parquet", columns=["doc_id", "embedding"])
    data = lance.write_dataset(table, asked.scratch / "set.lance")
    dtype = table.schema.field("embedding").type.value_type.to_pandas_dtype()

    def hits(query: NDArray[np.float32]) -> list[Any]:
        nearest = {"column": "embedding", "q": query.astype(dtype), "k": K, "metric": "dot"}
        found = data.to_table(nearest=nearest, columns=["doc_id", "_distance"]).to_pylist()
        return [(hit["doc_id"], 1 - hit["_distance"]) for hit in found]

    return _hits(hits(query) for query in asked.unit)


def faiss(asked: Asked) -> Found:
    """faiss: raw queries, and nothing else."""
    import faiss as library

    scores, rows = library.read_index(str(asked.folder / "index.faiss")).search(asked.raw, K)
    return _named(asked, rows, scores)


def hnswlib(asked: Asked) -> Found:
    """hnswlib: with the space, the dimension and the ef that stand beside the index."""
    import hnswlib as library

    held = _held(asked)
    index = library.Index(held["metric"], held["dimension"])
    index.load_index(str(asked.folder / "index.hnswlib"))
    index.set_ef(held["settings"]["ef_search"])
    rows, distances = index.knn_query(asked.unit, k=K)
    return _named(asked, rows, 1 - distances)


def usearch(asked: Asked) -> Found:
    """usearch: viewed, with the expansion that stands beside the index, and the page's queries of int8."""
    from usearch.index import Index

    held, unit = _held(asked), asked.unit
    index = Index.restore(str(asked.folder / "index.usearch"), view=True)
    index.expansion_search = held["settings"]["expansion_search"]
    if held["dtype"] == "int8":
        unit = np.rint(unit * 127 / np.abs(unit).max(axis=1, keepdims=True)).astype(np.int8)
    found = index.search(unit, K)
    return _named(asked, found.keys, 1 - found.distances)


def scann(asked: Asked) -> Found:
    """scann: its own configuration has the settings."""
    from scann.scann_ops.py import scann_ops_pybind

    return _named(asked, *scann_ops_pybind.load_searcher(str(asked.folder)).search_batched(asked.unit, K))


def _held(asked: Asked) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((asked.folder / "search.json").read_text())
    return held


def postgres_scan(asked: Asked) -> Found:
    """pgvector: every row compared."""
    return _postgres(asked, "enable_indexscan = off")


def postgres_index(asked: Asked) -> Found:
    """pgvector: the index that load.sql builds."""
    return _postgres(asked, "enable_seqscan = off", "ivfflat.probes = 14")


def _postgres(asked: Asked, *settings: str) -> Found:
    database = asked.database()
    database.psql(asked.folder, "load.sql")
    with database.connect() as connection:
        (type_,) = connection.execute("SELECT pg_typeof(embedding)::text FROM tested LIMIT 1").fetchone()
        for setting in settings:
            connection.execute(f"SET {setting}")
        query = f"%(query)s::{type_}"
        statement = f"SELECT doc_id, -(embedding <#> {query}) FROM tested ORDER BY embedding <#> {query} LIMIT {K}"
        texts = [{"query": json.dumps(query.tolist())} for query in asked.unit]
        plan = connection.execute(f"EXPLAIN {statement}", texts[0]).fetchall()
        assert ("Index Scan" in str(plan)) is ("enable_seqscan = off" in settings)
        return _hits(connection.execute(statement, text).fetchall() for text in texts)


def qdrant(asked: Asked) -> Found:
    """qdrant: the client that the page shows."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    body = models.CreateCollection.model_validate_json((asked.folder / "collection.json").read_text())
    client.create_collection("docs", vectors_config=body.vectors)
    for path in sorted(asked.folder.glob("points-*.json")):
        client.upsert("docs", points=models.PointsList.model_validate_json(path.read_text()).points)
    answers = (client.query_points("docs", query=query.tolist(), limit=K).points for query in asked.unit)
    return _hits([(point.payload["doc_id"], point.score) for point in points] for points in answers)


def script_score(asked: Asked) -> Found:
    """ndjson: what Elasticsearch's script_score does with `dotProduct(params.query, 'embedding') + 1.0`."""
    lines = [
        json.loads(line)
        for path in sorted(asked.folder.glob("bulk-*.ndjson"))
        for line in path.read_bytes().decode("utf-8").splitlines()
    ]
    ids = [action["index"]["_id"] for action in lines[::2]]
    vectors = np.array([document["embedding"] for document in lines[1::2]], np.float32)
    rows, scores = _multiplied(asked.unit, vectors)
    return [[ids[row] for row in found] for found in rows.tolist()], (scores + 1.0) - 1.0


def h5py(asked: Asked) -> Found:
    """hdf5: the neighbours that the file itself says are nearest."""
    import h5py as library

    with library.File(asked.folder / "vectors.hdf5", "r") as file:
        assert np.array_equal(file["test"], asked.unit)
        return _named(asked, file["neighbors"][:, :K], 1 - file["distances"][:, :K])
