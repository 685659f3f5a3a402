"""Files of vectors through the libraries that load them, on real text, against exact search."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.export import ExportConfig
from sphering.errors import InputError
from sphering.export.make import make_export
from sphering.export.protocol import ExportJob
from sphering.store.local_files import LocalFiles

KEY = "corpora/tested/exports/0123456789abcdef"


@pytest.fixture(scope="module")
def asked(bank, whitened):
    """Sixty queries that no document holds, raw and under the transform."""
    raw = (bank.vectors[:120:2] + bank.vectors[1:120:2]) / np.float32(2)
    return raw, whitened.apply(raw)


@pytest.fixture(scope="module")
def exact(bank_matrix, asked):
    """Return the exact scores of all rows for each query, (60, n)."""
    return asked[1].astype(np.float64) @ np.array(bank_matrix.vectors(), np.float64).T


@pytest.fixture
def publish(tmp_path, bank_snapshot, bank_matrix, whitened, asked):
    def make(**table):
        store = LocalFiles(tmp_path / "store")
        config = ExportConfig.model_validate({"name": "tested", **table})
        job = ExportJob(config, bank_matrix, bank_snapshot, whitened, tmp_path / "scratch", queries=asked[0])
        manifest = make_export(store, KEY, job)
        return store.path(KEY), manifest

    return make


def share(found, exact, k=10):
    """Return how many of the ten best scores were found, in the mean over the queries."""
    least = -np.sort(-exact, axis=1)[:, k - 1 : k] - 1e-6
    return float((np.take_along_axis(exact, np.asarray(found, np.int64), axis=1) >= least).mean())


@pytest.mark.parametrize(
    ("dtype", "name", "suffix"),
    [("float32", "fbin", "fbin"), ("float16", "f16bin", "hbin"), ("int8", "i8bin", "i8bin")],
)
def test_usearch_reads_and_maps_the_files_under_the_suffix_that_it_knows(publish, bank_matrix, dtype, name, suffix):
    from usearch.io import guess_numpy_dtype_from_filename, load_matrix

    folder, _ = publish(format="fbin", dtype=dtype)
    path = folder / f"vectors.{name}"
    if suffix != name:
        assert guess_numpy_dtype_from_filename(str(path)) is None
        assert np.array_equal(
            load_matrix(str(path), dtype=np.float16), load_matrix(str(path), dtype=np.float16, view=True)
        )
        path = path.rename(path.with_suffix(f".{suffix}"))
    for view in (False, True):
        vectors = load_matrix(str(path), view=view)
        assert (vectors.shape, vectors.dtype) == (bank_matrix.vectors().shape, np.dtype(dtype))
    if dtype == "float32":
        assert np.array_equal(vectors, bank_matrix.vectors())


def test_equal_scores_of_a_ground_truth_stand_in_the_order_of_rows(publish, bank_matrix):
    folder, _ = publish(format="fbin", ground_truth=100)
    rows = np.fromfile(folder / "groundtruth.neighbors.ibin", "<i4", offset=8).reshape(-1, 100)
    scores = np.fromfile(folder / "groundtruth.distances.fbin", "<f4", offset=8).reshape(-1, 100)
    vectors = bank_matrix.vectors()
    same = [(a, b) for row in rows for a, b in pairwise(row) if (vectors[a] == vectors[b]).all()]
    assert same
    assert all(a < b for a, b in same)
    assert scores.shape == rows.shape


@pytest.mark.parametrize(
    ("table", "header"), [({"format": "fbin", "ground_truth": 10}, 8), ({"format": "hdf5"}, 0)], ids=["fbin", "hdf5"]
)
def test_queries_and_their_neighbours_are_no_bytes_of_a_vector(publish, bank_matrix, table, header):
    _, manifest = publish(**table)
    assert manifest["bytes_per_vector"] == round(4 * bank_matrix.d + header / bank_matrix.n, 3)


@pytest.mark.parametrize("table", [{"format": "fbin", "ground_truth": 10}, {"format": "hdf5"}], ids=["fbin", "hdf5"])
def test_without_queries_it_is_refused_before_anything_is_written(
    tmp_path, bank_snapshot, bank_matrix, whitened, table
):
    config = ExportConfig.model_validate({"name": "tested", **table})
    job = ExportJob(config, bank_matrix, bank_snapshot, whitened, tmp_path / "scratch")
    for queries in (None, np.empty((0, 384), np.float32)):
        with pytest.raises(InputError, match=r"no queries[\s\S]*\[evaluation\] queries and qrels"):
            make_export(LocalFiles(tmp_path / "store"), KEY, replace(job, queries=queries))
    assert not job.folder.exists()


PARQUET = [
    {},
    {"dtype": "float16"},
    {"dtype": "int8"},
    {"dtype": "int8", "scale": "dimension"},
]


@pytest.mark.parametrize("table", PARQUET, ids=lambda table: "-".join(table.values()) or "float32")
def test_polars_duckdb_and_pyarrow_read_every_column_of_the_parquet_files(publish, bank, bank_matrix, table):
    import duckdb
    import polars as pl

    folder, _ = publish(format="parquet", shard_rows=1500, **table)
    files = folder / "vectors-*.parquet"
    stored = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("vectors-*.parquet"))])
    values = stored["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, bank_matrix.d)
    frame = pl.read_parquet(files)
    assert frame["doc_id"].to_list() == stored["doc_id"].to_pylist() == bank.doc_ids
    assert frame["embedding"].dtype.shape == (bank_matrix.d,)
    assert np.array_equal(frame["embedding"].to_numpy(), values)
    kind = "TINYINT" if table.get("dtype") == "int8" else "FLOAT"
    relation = duckdb.sql(f"SELECT embedding::{kind}[{bank_matrix.d}] AS embedding, * EXCLUDE embedding FROM '{files}'")
    assert relation.types[0] == f"{kind}[{bank_matrix.d}]"
    lists = relation.to_arrow_table()["embedding"].combine_chunks().flatten().to_numpy()
    assert np.array_equal(lists.reshape(values.shape), values.astype(lists.dtype))
    decoded = values.astype(np.float32)
    if "scale" in stored.column_names:
        decoded *= frame["scale"].to_numpy()[:, None]
    if (folder / "scales.npy").exists():
        decoded *= np.load(folder / "scales.npy")
    assert np.abs(decoded - bank_matrix.vectors()).max() < 0.002


@pytest.mark.parametrize(
    "table",
    [
        {"format": "npy", "dtype": "binary"},
        {"format": "parquet", "dtype": "int8"},
        {"format": "npy", "truncate_dim": 48},
        {"format": "fbin", "dtype": "float16", "truncate_dim": 96},
    ],
    ids=lambda table: "-".join(map(str, table.values())),
)
def test_the_recall_of_the_manifest_is_what_a_count_by_hand_finds(publish, bank_matrix, asked, exact, table):
    folder, manifest = publish(**table)
    queries, vectors = by_hand(folder, table, bank_matrix.d, asked[1])
    order = np.argsort(-(queries.astype(np.float64) @ vectors.T), axis=1, kind="stable")
    for k in (1, 10, 100):
        entry = manifest[f"recall_at_{k}"]
        assert share(order[:, :k], exact, k) == pytest.approx(entry["value"], abs=0.004)  # ties
        assert entry["n"] == len(asked[1])
        assert entry["interval"][0] <= entry["value"] <= entry["interval"][1]
    least = -np.sort(-exact, axis=1)[:, 9:10] - 1e-6
    hits = (np.take_along_axis(exact, order[:, :100], axis=1) >= least).sum(axis=1)
    assert (np.minimum(hits, 10) / 10).mean() == pytest.approx(manifest["rescored_recall_at_10"]["value"], abs=0.004)
    assert manifest["approximate"] is True
    assert manifest["bytes_per_vector"] < 4 * bank_matrix.d or table["format"] == "parquet"


def by_hand(folder, table, dimension, queries):
    """Return queries and vectors as the documentation decodes them, in float64."""
    if table.get("dtype") == "binary":
        bits = np.unpackbits(np.load(folder / "vectors.npy"), axis=1, count=dimension)
        return np.where(queries > 0, 1, -1), np.where(bits, 1.0, -1.0)
    if table["format"] == "parquet":
        frame = pq.read_table(folder / "vectors.parquet")
        values = frame["embedding"].combine_chunks().flatten().to_numpy().reshape(-1, dimension)
        return queries, values * frame["scale"].to_numpy()[:, None].astype(np.float64)
    d = table["truncate_dim"]
    cut = queries[:, :d] / np.linalg.norm(queries[:, :d], axis=1, keepdims=True)
    if table["format"] == "fbin":
        return cut, np.fromfile(folder / "vectors.f16bin", "<f2", offset=8).reshape(-1, d).astype(np.float64)
    return cut, np.load(folder / "vectors.npy").astype(np.float64)


def test_the_manifest_says_how_numbers_are_stored(publish):
    assert (
        publish(format="npy", dtype="int8", scale="dimension")[1].items()
        >= {
            "dtype": "int8",
            "scale": "dimension",
        }.items()
    )
    assert json.loads((publish(format="npy", dtype="int8", scale="dimension")[0] / "code.json").read_text())
