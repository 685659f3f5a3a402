"""Each format through its own consumers, on real text."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sphering.config.export import ExportConfig
from sphering.errors import InputError
from sphering.export.identity import export_id
from sphering.export.make import make_export
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.export.search import search
from sphering.store.local_files import LocalFiles


def table(**keys):
    return ExportConfig.model_validate(keys)


KEY = "corpora/tested/exports/0123456789abcdef"


@pytest.fixture
def publish(tmp_path, bank_snapshot, bank_matrix, whitened):
    def make(name):
        store = LocalFiles(tmp_path / "store")
        config = table(name="tested", format=name)
        make_export(store, KEY, ExportJob(config, bank_matrix, bank_snapshot, whitened, tmp_path / "scratch"))
        return store.path(KEY)

    return make


@pytest.fixture(scope="module")
def asked(bank, bank_snapshot, whitened):
    """A query under the transform, and the exact top ten."""
    query = whitened.apply(bank.vectors[777:778])
    return query[0], search(bank_snapshot, whitened, query, 10)


def test_numpy_maps_the_npy_file(publish, bank_matrix, asked):
    folder = publish("npy")
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    ids = pq.read_table(folder / "ids.parquet")["doc_id"].to_pylist()
    best = np.argsort(-(vectors @ asked[0]), kind="stable")[:10]
    assert [ids[row] for row in best] == asked[1].doc_ids[0].tolist()


def test_the_fbin_file_has_the_layout_that_its_readers_assert(publish, bank_matrix):
    data = (publish("fbin") / "vectors.fbin").read_bytes()
    n, d = np.frombuffer(data[:8], dtype="<u4")
    assert (n, d) == (bank_matrix.n, bank_matrix.d)
    assert len(data) == 8 + 4 * n * d
    assert np.array_equal(np.frombuffer(data[8:], dtype="<f4").reshape(n, d), bank_matrix.vectors())


def test_polars_duckdb_and_pyarrow_read_the_parquet_file(publish, bank_matrix, asked):
    import duckdb
    import polars as pl

    path = publish("parquet") / "vectors.parquet"
    frame = pl.read_parquet(path)
    assert frame["embedding"].dtype == pl.Array(pl.Float32, bank_matrix.d)
    assert np.array_equal(frame["embedding"].to_numpy(), bank_matrix.vectors())
    assert pa.types.is_fixed_size_list(pq.read_schema(path).field("embedding").type)
    found = duckdb.execute(
        "SELECT doc_id FROM read_parquet($path) "
        "ORDER BY array_inner_product(embedding::FLOAT[381], $query::FLOAT[381]) DESC LIMIT 10".replace(
            "381", str(bank_matrix.d)
        ),
        {"path": str(path), "query": asked[0].tolist()},
    ).fetchall()
    assert [row[0] for row in found] == asked[1].doc_ids[0].tolist()


def test_the_duckdb_file_is_ready_for_sql_and_refuses_nulls(publish, bank_matrix, asked):
    import duckdb

    with duckdb.connect(publish("duckdb") / "vectors.duckdb", read_only=True) as connection:
        columns = {row[0]: row[1:3] for row in connection.execute("DESCRIBE vectors").fetchall()}
        assert columns["embedding"] == (f"FLOAT[{bank_matrix.d}]", "NO")
        assert columns["doc_id"] == ("VARCHAR", "NO")
        found = connection.execute(
            f"SELECT doc_id, array_inner_product(embedding, $query::FLOAT[{bank_matrix.d}]) AS score FROM vectors "
            "ORDER BY score DESC, doc_id LIMIT 10",
            {"query": asked[0].tolist()},
        ).fetchall()
        assert connection.execute("SELECT (metadata->>'$.length')::INT > 0 FROM vectors").fetchone() == (True,)
    assert np.abs(np.array([row[1] for row in found]) - asked[1].scores[0]).max() < 1e-6


def test_the_duckdb_file_has_a_storage_version_that_1_5_reads(publish):
    # "version number 999, DuckDB 1.5.5 can only read between 64 and 68": the number lies behind magic bytes.
    header = (publish("duckdb") / "vectors.duckdb").read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert 64 <= int.from_bytes(header[12:20], "little") <= 68


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"'tsv'[\s\S]*npy, parquet"):
        open_format("tsv")


def test_a_key_that_the_format_does_not_read_is_refused():
    with pytest.raises(ValidationError, match="nprobe"):
        table(name="x", format="npy", nprobe=4)


def test_the_id_is_of_what_the_format_reads():
    base = table(name="x", format="npy")
    assert export_id(base, "s", "t") == export_id(base, "s", "t", "evaluation")
    faiss = table(name="x", format="faiss")
    different = {
        export_id(base, "s", "t"),
        export_id(base, "s2", "t"),
        export_id(base, "s", "t2"),
        export_id(base, "s", "t", None, "base"),
        export_id(table(name="y", format="npy"), "s", "t"),
        export_id(table(name="x", format="npy", dtype="float16"), "s", "t"),
        export_id(table(name="x", format="npy", dtype="float16"), "s", "t", "evaluation"),
        export_id(table(name="x", format="npy", truncate_dim=8), "s", "t"),
        export_id(faiss, "s", "t"),
        export_id(faiss, "s", "t", "evaluation"),
        export_id(table(name="x", format="faiss", nprobe=4), "s", "t"),
    }
    assert len(different) == 11


def test_naming_an_export_loads_no_engine():
    code = (
        "import sys; from sphering.export.identity import export_id; from sphering.config.export import ExportConfig\n"
        "export_id(ExportConfig.model_validate({'name': 'x', 'format': 'faiss'}), 's', 't')\n"
        "sys.exit([m for m in ('faiss', 'duckdb', 'torch', 'polars', 'scipy') if m in sys.modules] or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
