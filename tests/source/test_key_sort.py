"""Rows are written and their keys sorted while others are still being read."""

import hashlib
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from sphering.config.model import Config
from sphering.source.key_sort import KeySort, first_to_keep, keys_by_id
from sphering.source.rows import ROWS, row_batches, rows_reader


def rows(*documents):
    """A batch of rows of tonight, (id, text) each."""
    columns = {
        "doc_id": [name for name, _ in documents],
        "text": [text for _, text in documents],
        "metadata": ["{}"] * len(documents),
        "row": range(len(documents)),
        "deleted": [False] * len(documents),
        "file": [0] * len(documents),
        "carried": [False] * len(documents),
    }
    values = [pa.array(columns.get(field.name, [None] * len(documents)), field.type) for field in ROWS]
    return pa.record_batch(values, schema=ROWS)


@pytest.fixture
def sorting():
    """Return a function that begins a sort which writes its rows to a file."""
    with duckdb.connect() as connection:

        def begin(path):
            source = Config(corpus="t", source={"path": "a.jsonl"}).source
            return KeySort(connection.cursor(), path, keys_by_id(first_to_keep(source)))

        yield begin


def test_keys_come_in_order_and_rows_stay_where_they_came(sorting, tmp_path):
    with sorting(tmp_path / "rows.arrow") as taken:
        taken.add(rows(("é", "one"), ("z", "two")))
        taken.add(rows(("a", "three")))
        found = taken.keys().read_all().to_pylist()
    assert [(row["doc_id"], row["staged_at"]) for row in found] == [("a", 2), ("z", 1), ("é", 0)]
    assert found[0]["text_hash"] == hashlib.sha256(b"three").digest()
    kept = rows_reader(tmp_path / "rows.arrow", ["text", "staged_at"]).read_all().to_pydict()
    assert kept == {"text": ["one", "two", "three"], "staged_at": [0, 1, 2]}


def test_rows_are_written_in_batches_of_one_size_whatever_blocks_they_come_in(sorting, tmp_path):
    with sorting(tmp_path / "rows.arrow") as taken:
        for number in range(5000):
            taken.add(rows((f"{number:05d}", "short")))
        taken.add(rows(*((f"{number:05d}", "long" * 100_000) for number in range(5000, 5040))))
        assert taken.keys().read_all().num_rows == taken.rows == 5040
    sizes = [len(batch) for batch in row_batches(tmp_path / "rows.arrow", ["doc_id"])]
    assert sum(sizes) == 5040
    assert max(sizes) == 4096
    assert len(sizes) < 10


def test_no_rows_have_no_keys(sorting, tmp_path):
    with sorting(tmp_path / "rows.arrow") as taken:
        assert taken.keys().read_all().num_rows == 0


def test_a_disk_that_is_full_stops_the_reading(sorting):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")

    def add_many(taken):
        for number in range(100):
            taken.add(rows(*((f"{number}-{row}", "a text") for row in range(4096))))

    with sorting(full) as taken, pytest.raises(OSError, match="No space left"):
        add_many(taken)


def test_an_error_elsewhere_ends_the_sort(sorting, tmp_path):
    def interrupted():
        with sorting(tmp_path / "rows.arrow") as taken:
            taken.add(rows(("a", "one")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("keys")]
