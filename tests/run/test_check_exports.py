"""What an engine cannot hold of tonight's documents is refused by `plan`, and by a run before it encodes."""

import json
from pathlib import Path

import pytest
from nights import carry

from sphering.errors import InputError
from sphering.run.plan import plan
from sphering.store.store import Store

PGVECTOR = {"name": "postgres", "format": "pgvector"}
NUL = "a\0b"


@pytest.fixture
def night(corpus, tmp_path):
    """Return a function that writes rows (id, text, note) and returns a configuration with one export of them."""

    def write(rows, export, **tables):
        path = tmp_path / "rows.jsonl"
        lines = (json.dumps({"id": row[0], "text": row[1], "note": row[2]}) for row in rows)
        path.write_text("\n".join(lines) + "\n")
        source = {"path": str(path), "metadata": ["note"], **tables.pop("source", {})}
        return corpus([], source=source, export=[export], **tables)

    return write


def refused(config, words):
    """See that a configuration is refused with some words by `plan` and by a run, and that nothing was encoded."""
    with pytest.raises(InputError, match=words):
        plan(config)
    assert not Path(config.store).exists()
    with pytest.raises(InputError, match=words):
        carry(config)
    corpus = Store.open(Path(config.store)).corpus(config.corpus)
    assert {Path(key).name for key in corpus.files.walk(corpus.layout.all_shards)} <= {"probe.parquet"}


def test_metadata_that_postgresql_cannot_store_are_refused_before_anything_is_encoded(night, questions):
    rows = [(*row, "plain") for row in questions[:20]]
    refused(night([*rows, ("bad", "Where is my card?", NUL)], PGVECTOR), r"NUL[\s\S]*postgres, document 'bad'")


def test_metadata_that_an_export_leaves_out_are_none_of_its_business(night, questions):
    rows = [(*row, NUL) for row in questions[:20]]
    config = night(rows, PGVECTOR | {"metadata": []})
    assert plan(config)["encode"] == carry(config)["documents"] == 20


def test_a_row_that_became_no_document_refuses_nothing(night, questions):
    rows = [("twice", "Where is my card?", NUL), *((*row, "plain") for row in questions[:20])]
    config = night([*rows, ("twice", "Where is it?", "plain")], PGVECTOR, source={"duplicates": "last"})
    assert plan(config)["documents"] == carry(config)["documents"] == 21


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ("IVF64,Flat", "64 lists"),
        ("PQ48", "codebooks of 256 centroids"),
        ("OPQ16,PQ16x4fs", "a rotation learnt with codebooks of 256 centroids"),
        ("PCA128,HNSW8", "128 principal axes"),
    ],
)
def test_too_few_documents_for_an_index_are_refused_with_how_many_it_needs(night, questions, index, what):
    export = {"name": "index", "format": "faiss", "index": index}
    refused(
        night([(*row, "plain") for row in questions[:60]], export),
        rf"on 30 vectors, 30 more are the probe's queries: it has [\s\S]*{what}[\s\S]*at least",
    )


def test_an_id_that_is_too_long_for_elasticsearch_is_refused(night, questions):
    rows = [("x" * 600, "Where is my card?", "plain"), *((*row, "plain") for row in questions[:20])]
    refused(night(rows, {"name": "bulk", "format": "ndjson"}), r"longer than 512 bytes")
