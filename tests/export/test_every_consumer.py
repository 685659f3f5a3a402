"""Every format through its own consumer, on real text: it finds what exact search finds, or what the manifest says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sphering.config.export import ExportConfig
from sphering.export.make import make_export
from sphering.export.matrix.assemble import make_matrix
from sphering.export.opening import FORMATS
from sphering.export.protocol import ExportJob
from sphering.export.search import search
from sphering.store.local_files import LocalFiles
from tests.export import consumers
from tests.export.consumers import Asked, Found, K
from tests.export.postgres import new_database

KEY = "corpora/tested/exports/0123456789abcdef"
QUERIES = 60
ROUNDING = 1e-6  # of a sum of float32 products
HALVES, BYTES = 1e-3, 2e-2
SERVED = 0.9  # of an index that the consumer builds: no manifest knows it


@dataclass(frozen=True)
class Case:
    """An [[export]] table and who opens it.

    least is the recall@10 that it reaches: 1 where its scores are those of exact search, None where the manifest says.
    off is how far the scores that it tells may be from the inner products; None: they are of something else.
    """

    table: dict[str, Any]
    consumer: Callable[[Asked], Found]
    least: float | None = 1.0
    off: float | None = ROUNDING

    def __str__(self) -> str:
        return "-".join([*map(str, self.table.values()), self.consumer.__name__])


def case(consumer, least=1.0, off=ROUNDING, **table) -> Case:
    return Case(table, consumer, least, off)


CASES = [
    case(consumers.numpy_memmap, format="npy"),
    case(consumers.numpy_memmap, format="npy", dtype="float16", least=None, off=HALVES),
    case(consumers.numpy_memmap, format="npy", dtype="int8", shard_rows=100, least=None, off=BYTES),
    case(consumers.numpy_memmap, format="npy", dtype="int8", scale="dimension", least=None, off=BYTES),
    case(consumers.numpy_memmap, format="npy", dtype="binary", least=None, off=None),
    case(consumers.numpy_memmap, format="npy", truncate_dim=64, least=None, off=None),
    case(consumers.usearch_io, format="fbin"),
    case(consumers.usearch_io, format="fbin", dtype="float16", least=None, off=HALVES),
    case(consumers.usearch_io, format="fbin", dtype="int8", least=None, off=BYTES),
    case(consumers.diskann_read, format="fbin", dtype="int8", least=None, off=BYTES),
    case(consumers.diskann_index, format="fbin", least=SERVED, off=None),
    case(consumers.ground_truth, format="fbin", ground_truth=25),
    case(consumers.polars, format="parquet", shard_rows=100),
    case(consumers.polars, format="parquet", dtype="float16", least=None, off=HALVES),
    case(consumers.polars, format="parquet", dtype="int8", scale="dimension", least=None, off=BYTES),
    case(consumers.pyarrow, format="parquet"),
    case(consumers.pyarrow, format="parquet", dtype="int8", least=None, off=BYTES),
    case(consumers.duckdb_parquet, format="parquet", shard_rows=100),
    case(consumers.duckdb_parquet, format="parquet", dtype="float16", least=None, off=HALVES),
    case(consumers.lance, format="parquet"),
    case(consumers.lance, format="parquet", dtype="float16", least=None, off=HALVES),
    case(consumers.duckdb_file, format="duckdb"),
    case(consumers.faiss, format="faiss", index="Flat"),
    case(consumers.faiss, format="faiss", index="HNSW32", least=None),
    case(consumers.faiss, format="faiss", index="IVF16,Flat", nprobe=8, least=None),
    case(consumers.faiss, format="faiss", index="SQ8", truncate_dim=64, least=None, off=None),
    case(consumers.hnswlib, format="hnswlib", ef_search=20, least=None),
    case(consumers.hnswlib, format="hnswlib", truncate_dim=64, least=None, off=None),
    case(consumers.usearch, format="usearch", least=None),
    case(consumers.usearch, format="usearch", dtype="float16", least=None, off=HALVES),
    case(consumers.usearch, format="usearch", dtype="bfloat16", least=None, off=10 * HALVES),
    case(consumers.usearch, format="usearch", dtype="int8", least=None, off=BYTES),
    case(consumers.usearch, format="usearch", truncate_dim=64, least=None, off=None),
    case(consumers.scann, format="scann"),
    case(consumers.scann, format="scann", leaves=16, leaves_to_search=8, reorder=30, least=None),
    case(consumers.scann, format="scann", truncate_dim=64, least=None, off=None),
    case(consumers.postgres_scan, format="pgvector", index="none"),
    case(consumers.postgres_scan, format="pgvector", dtype="float16", least=None, off=HALVES),
    case(consumers.postgres_index, format="pgvector", least=SERVED),
    case(consumers.postgres_index, format="pgvector", index="ivfflat", lists=16, least=SERVED),
    case(consumers.postgres_index, format="pgvector", dtype="float16", least=SERVED, off=HALVES),
    case(consumers.qdrant, format="qdrant"),
    case(consumers.qdrant, format="qdrant", dtype="float16", least=None, off=HALVES),
    case(consumers.script_score, format="ndjson"),
    case(consumers.script_score, format="ndjson", engine="opensearch"),
    case(consumers.h5py, format="hdf5"),
]


@dataclass(frozen=True)
class Stage:
    """A corpus with its queries, and what exact search finds for them; an export is made once."""

    snapshot: Any
    transform: Any
    matrix: Any
    raw: Any
    best: Any
    exact: Any
    store: LocalFiles

    def publish(self, table: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
        """Return the folder and the manifest of an export."""
        key = f"{KEY[:-16]}{hashlib.sha256(json.dumps(table).encode()).hexdigest()[:16]}"
        config = ExportConfig.model_validate({"name": "tested", **table})
        scratch = self.store.root / "scratch"
        job = ExportJob(config, self.matrix, self.snapshot, self.transform, scratch, {"id": key[-16:]}, self.raw)
        return self.store.path(key), make_export(self.store, key, job)

    def unit(self, table: dict[str, Any]):
        """Return the queries as an export with this table wants them."""
        unit = self.transform.apply(self.raw)[:, : table.get("truncate_dim")]
        return unit / np.linalg.norm(unit, axis=1, keepdims=True) if "truncate_dim" in table else unit


@pytest.fixture(scope="module", params=["xquad", "debian"])
def stage(request, fitted, tmp_path_factory):
    """XQuAD's paragraphs with its questions; Debian's short descriptions with beginnings of long ones."""
    asked = {"xquad": "questions", "debian": "descriptions"}[request.param]
    raw = request.getfixturevalue(asked)
    raw = np.ascontiguousarray(raw[:: len(raw) // QUERIES][:QUERIES])
    snapshot = request.getfixturevalue(f"{request.param}_snapshot")
    transform = fitted(snapshot, "whiten", form="pca", dimension=128)
    folder = tmp_path_factory.mktemp(request.param)
    matrix = make_matrix(snapshot, transform, folder / "matrix")
    unit = transform.apply(raw)
    exact = unit.astype(np.float64) @ np.array(matrix.vectors(), np.float64).T
    best = search(snapshot, transform, unit, K)
    return Stage(snapshot, transform, matrix, raw, best, exact, LocalFiles(folder / "store"))


def test_every_format_has_a_consumer():
    assert {case.table["format"] for case in CASES} == set(FORMATS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_its_ten_best_are_those_of_exact_search_or_as_many_as_the_manifest_says(stage, case, tmp_path, request):
    folder, manifest = stage.publish(case.table)

    def database():
        name = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
        return new_database(request.getfixturevalue("server"), name)

    ids, told = case.consumer(Asked(folder, stage.raw, stage.unit(case.table), tmp_path, database))
    assert np.array(ids).shape == told.shape == (QUERIES, K)
    place = {doc_id: row for row, doc_id in enumerate(stage.matrix.ids.to_pylist())}
    scores = np.take_along_axis(stage.exact, np.array([[place[one] for one in hits] for hits in ids]), axis=1)
    assert all(len(set(hits)) == K for hits in ids)
    if case.off is not None:
        assert np.abs(scores - told).max() < case.off
    recall = (scores >= stage.best.scores[:, -1:] - ROUNDING).mean()
    if case.least == 1:
        assert np.abs(-np.sort(-told, axis=1) - stage.best.scores).max() < ROUNDING
        assert recall == 1
        assert manifest["approximate"] is False
    elif case.least is not None:
        assert recall >= case.least
    else:
        low, high = manifest["recall_at_10"]["interval"]
        assert low <= recall <= high
        assert manifest["recall_at_10"]["n"] == QUERIES
