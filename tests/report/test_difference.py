"""Two snapshots of a real corpus beside one another."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.errors import NotFoundError
from sphering.report.difference import difference
from sphering.store.store import Store


@pytest.fixture(scope="module")
def two(run, questions, tmp_path_factory):
    """A store with two nights, the second with one question less, one other and one new, and another sample."""
    import pyarrow as pa

    from sphering.config.model import Config

    folder = tmp_path_factory.mktemp("two")

    def night(rows, sample):
        ids, texts = zip(*rows, strict=True)
        pq.write_table(pa.table({"id": ids, "text": texts}), folder / "source.parquet")
        settings = {
            "corpus": "questions",
            "base": str(folder),
            "store": str(folder / "store"),
            "source": {"path": str(folder / "source.parquet")},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "none"},
            "report": {"sample": sample},
        }
        return run(Config.model_validate(settings))

    first = night(questions[:30], 200)
    (retexted, _), *kept = questions[1:30]
    second = night([(retexted, "another question"), *kept, questions[30]], 250)
    return Store.open(folder / "store").corpus("questions"), first, second


def test_documents_encoder_configuration_and_size_are_compared(two):
    corpus, first, second = two
    found = difference(corpus, corpus.find(first["release"]), corpus.find("latest"))
    assert found["a"] == {"snapshot": first["snapshot"], "release": first["release"]}
    assert found["b"] == {"snapshot": second["snapshot"], "release": second["release"]}
    assert found["changes"] == {
        "added": 1, "retexted": 1, "relabelled": 0, "moved": 0, "removed": 1, "unchanged": 28,
    }  # fmt: skip
    assert found["encoder"] == {}
    assert found["config"] == {"report.sample": {"a": 200, "b": 250}}
    assert found["size"]["documents"] == {"a": 30, "b": 30, "change": 0}
    assert found["size"]["dropped_rows"] == {"a": 0, "b": 2, "change": 2}
    assert found["size"]["bytes"]["change"] > 0


def test_the_ids_are_written_where_asked_for(two, questions, tmp_path):
    corpus, first, _ = two
    found = difference(corpus, corpus.find(first["snapshot"]), corpus.find("latest"), tmp_path / "ids.parquet")
    assert found["ids"] == str(tmp_path / "ids.parquet")
    rows = {row["doc_id"]: row["change"] for row in pq.read_table(Path(found["ids"])).to_pylist()}
    assert rows == {questions[0][0]: "removed", questions[1][0]: "retexted", questions[30][0]: "added"}


def test_what_is_not_there_is_not_compared(two):
    with pytest.raises(NotFoundError, match="ffff"):
        two[0].find("ffff")
