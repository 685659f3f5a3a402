"""What files are by the rules of their formats, and what an [[export]] table is known by."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sphering.config.export import ExportConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.identity import export_id
from sphering.export.make import make_export
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.export.readback import compare
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


def test_the_fbin_file_has_the_layout_that_its_readers_assert(publish, bank_matrix):
    data = (publish("fbin") / "vectors.fbin").read_bytes()
    n, d = np.frombuffer(data[:8], dtype="<u4")
    assert (n, d) == (bank_matrix.n, bank_matrix.d)
    assert len(data) == 8 + 4 * n * d
    assert np.array_equal(np.frombuffer(data[8:], dtype="<f4").reshape(n, d), bank_matrix.vectors())


def test_the_duckdb_file_is_ready_for_sql_and_refuses_nulls(publish, bank_matrix):
    import duckdb

    with duckdb.connect(publish("duckdb") / "vectors.duckdb", read_only=True) as connection:
        columns = {row[0]: row[1:3] for row in connection.execute("DESCRIBE vectors").fetchall()}
        assert columns["embedding"] == (f"FLOAT[{bank_matrix.d}]", "NO")
        assert columns["doc_id"] == ("VARCHAR", "NO")
        assert connection.execute("SELECT (metadata->>'$.length')::INT > 0 FROM vectors").fetchone() == (True,)


def test_no_vector_of_a_duckdb_file_can_become_null(publish, tmp_path):
    """A NULL in a column of arrays makes DuckDB write Parquet that PyArrow cannot read (duckdb#24731)."""
    import duckdb

    copied = tmp_path / "mine.duckdb"
    copied.write_bytes((publish("duckdb") / "vectors.duckdb").read_bytes())
    with duckdb.connect(copied) as connection:
        for statement in (
            "UPDATE vectors SET embedding = NULL WHERE rowid = 3",
            "INSERT INTO vectors SELECT 'new', uuid, NULL, metadata FROM vectors LIMIT 1",
        ):
            with pytest.raises(duckdb.ConstraintException, match="NOT NULL"):
                connection.execute(statement)
        connection.execute(f"COPY vectors TO '{tmp_path / 'again.parquet'}'")
    assert pq.read_table(tmp_path / "again.parquet")["embedding"].null_count == 0


@pytest.mark.parametrize("what", ["vector", "number"])
def test_a_parquet_file_with_a_vector_or_a_number_that_is_null_is_refused(publish, bank_matrix, whitened, what):
    path = publish("parquet") / "vectors.parquet"
    found = pq.read_table(path)
    rows = found["embedding"].to_pylist()
    rows[7] = None if what == "vector" else [None, *rows[7][1:]]
    column = pa.array(rows, pa.list_(pa.float32(), bank_matrix.d))
    at = found.schema.get_field_index("embedding")
    path.unlink()
    pq.write_table(found.set_column(at, "embedding", column), path)
    job = ExportJob(table(name="tested", format="parquet"), bank_matrix, None, whitened, path.parent)
    with pytest.raises(IntegrityError):
        compare(open_format("parquet"), path.parent, job)


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
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
