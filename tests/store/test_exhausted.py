"""What libraries raise on a disk that is really full, in the product's words."""

import duckdb
import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from sphering.errors import StorageError
from sphering.store.exhausted import exhaustion, exhaustion_errors
from sphering.store.files import reserve
from sphering.store.local_files import LocalFiles

MATRIX = np.random.default_rng(0).random((2000, 384), dtype=np.float32)  # 3 MB that no compression shrinks


def write_index(path):
    index = faiss.IndexFlatIP(MATRIX.shape[1])
    index.add(MATRIX)
    faiss.write_index(index, str(path))


def write_database(path):
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT random() AS x FROM range(1_000_000)")


WRITERS = {
    "npy": lambda path: np.save(path, MATRIX),
    "raw": MATRIX.tofile,
    "bytes": lambda path: path.write_bytes(MATRIX.tobytes()),
    "parquet": lambda path: pq.write_table(pa.table({"x": MATRIX.ravel()}), path),
    "safetensors": lambda path: save_file({"x": MATRIX}, path),
    "faiss": write_index,
    "duckdb": write_database,
}


@pytest.fixture
def full(small_disk):
    small_disk.leave(1 << 20)
    yield small_disk.root
    for path in small_disk.root.iterdir():
        path.unlink()


@pytest.mark.parametrize("library", sorted(WRITERS))
def test_every_library_that_writes_is_understood_where_the_disk_is_full(library, full):
    with pytest.raises(StorageError, match="no space is left") as raised, exhaustion_errors(full):
        WRITERS[library](full / "file")
    assert str(full) in raised.value.where
    assert raised.value.remedy.startswith("free some space")


def test_where_no_file_is_named_the_librarys_words_are_no_place():
    known = exhaustion(RuntimeError("IO Error: No space left on device"))
    assert known.where is None
    assert known.found == "no space is left on the disk: IO Error: No space left on device"


def test_a_file_for_a_memory_map_is_refused_before_a_page_without_space_kills_the_process(full):
    np.lib.format.open_memmap(full / "file", mode="w+", dtype=np.float32, shape=MATRIX.shape)
    with pytest.raises(StorageError, match="No space left"):
        reserve(full / "file")


def test_what_is_created_on_a_full_disk_is_not_there_afterwards(full):
    files = LocalFiles(full)
    with pytest.raises(StorageError, match="No space left"):
        files.create("vectors", MATRIX.tobytes())
    assert not files.exists("vectors")
    assert files.children("temporary") == []
    (full / "temporary").rmdir()


def test_an_error_of_another_kind_stays_as_it_is():
    assert exhaustion(ValueError("12 rows requested")) is None
    with pytest.raises(ValueError, match="other"), exhaustion_errors("/"):
        raise ValueError("other")
