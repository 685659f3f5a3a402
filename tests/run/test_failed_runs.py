"""What a run that failed leaves: its record, its quarantined rows, and no workspace."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.errors import EmptyCorpusError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.store.store import Store

ROWS = [("a", ""), ("b", " "), ("c", "x\0y"), (None, "a text without an id")]


def failed(config):
    """Run until the source turns out to hold no document; return the error and the corpus."""
    workspace = begin(config)
    with pytest.raises(EmptyCorpusError) as raised:
        ingest(workspace)
    abandon(workspace, raised.value)
    return raised.value, Store.open(Path(config.store)).corpus(config.corpus)


def test_a_source_of_bad_rows_alone_names_every_reason_and_the_first_row(corpus):
    error, _ = failed(corpus(ROWS))
    assert "4 rows read, 4 quarantined: 2 empty, 1 missing-id, 1 nul" in error.found
    assert "source.parquet, row 4, the row has no id" in error.where


def test_rows_of_a_query_are_named_by_their_id(corpus):
    error, _ = failed(corpus([], source={"sql": "SELECT 'x' AS id, NULL::VARCHAR AS text"}))
    assert error.where == "the sql query; the first quarantined: id 'x', the text is null"


def test_a_source_without_rows_says_so(corpus):
    error, _ = failed(corpus([], source={"sql": "SELECT 'x' AS id, 't' AS text LIMIT 0"}))
    assert "0 rows read, 0 quarantined)" in error.found


def test_the_quarantined_rows_of_a_failed_run_are_kept_with_their_reasons(corpus):
    _, store = failed(corpus(ROWS))
    (record,) = store.run_records()
    assert (record["status"], record["reasons"]) == ("failed", {"empty": 2, "missing-id": 1, "nul": 1})
    kept = pq.read_table(store.files.path(store.layout.quarantine(record["run"])))
    assert sorted(kept["reason"].to_pylist()) == ["empty", "empty", "missing-id", "nul"]
    assert not list(store.files.path(store.layout.scratch).iterdir())
    assert verify(store).sound
