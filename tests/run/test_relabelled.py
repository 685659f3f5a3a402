"""`sphering plan` warns of a metadata column that has the corpus written again every night."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.errors import IntegrityError
from sphering.run.plan import plan
from sphering.store.store import Store


@pytest.fixture
def dated(corpus, questions, tmp_path):
    """Return a function that writes questions with metadata and returns a configuration over them."""

    def write(fetched, topics=40):
        config = corpus([])
        path = tmp_path / "dated.parquet"
        columns = {
            "id": [doc_id for doc_id, _ in questions[:40]],
            "text": [text for _, text in questions[:40]],
            "fetched": [f"{fetched} {number}" for number in range(40)],
            "topic": ["new" if number >= topics else "old" for number in range(40)],
        }
        pq.write_table(pa.table(columns), path)
        source = config.source.model_copy(update={"path": str(path), "metadata": ("fetched", "topic")})
        return config.model_copy(update={"source": source})

    return write


def test_a_column_that_changes_in_most_documents_is_named(run, dated):
    run(dated("monday"))
    planned = plan(dated("tuesday", topics=30))
    assert (planned["encode"], planned["reuse"], planned["unchanged"]) == (0, 40, 0)
    (warning,) = planned["warnings"]
    assert warning.startswith("40 of 40 documents would be written again for their metadata alone, mostly fetched:")
    assert "out of [source] metadata" in warning


def test_a_column_that_changes_in_half_of_the_documents_or_fewer_is_no_reason_to_warn(run, dated):
    run(dated("monday"))
    assert plan(dated("monday", topics=20))["warnings"] == []
    assert plan(dated("monday"))["warnings"] == []


def test_a_damaged_vector_is_not_copied_into_another_shard(run, dated):
    config = dated("monday")
    before = run(config)
    (shard, *_) = sorted(Path(config.store).glob("corpora/*/shards/*/[!p]*.parquet"))
    data = bytearray(shard.read_bytes())
    group = pq.read_metadata(shard).row_group(0)
    (column,) = [c for c in map(group.column, range(group.num_columns)) if c.path_in_schema.startswith("embedding")]
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(IntegrityError, match="CRC"):
        run(dated("tuesday"))
    store = Store.open(Path(config.store)).corpus(config.corpus)
    assert store.refs.read("main", "latest").release == before["release"]


def test_a_first_run_has_nothing_to_warn_of(dated):
    assert plan(dated("monday"))["warnings"] == []
