"""A source document is erased with all of its chunks, from everything, and does not come back."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.errors import InputError
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.store.store import Store

WHY = "request 2026-115"
XQUAD = Path(__file__).parents[1] / "data" / "xquad" / "sample.parquet"
GATE = [{"metric": "quarantined_share", "max": 2.0}, {"metric": "documents_change", "min": -1.0}]


@pytest.fixture(scope="module")
def paragraphs():
    """Real paragraphs in English, (id, text) each."""
    table = pq.read_table(XQUAD).to_pylist()
    return [(row["_id"], row["text"]) for row in table if row["lang"] == "en"][:5]


@pytest.fixture
def cut(corpus):
    """Return a function that writes source documents and returns a configuration that cuts them."""
    return lambda rows, **tables: corpus(rows, **{"chunk": {"tokens": 48}, "gate": GATE, **tables})


def corpus_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def words_in(config):
    """Return every string that is stored in a Parquet file, and the bytes of every other file."""
    found = b""
    for path in sorted(Path(config.store).rglob("*")):
        if path.suffix == ".parquet" and path.name != "probe.parquet":
            names = [name for name in pq.read_schema(path).names if name != "embedding"]
            found += repr(pq.read_table(path, columns=names).to_pylist()).encode()
        elif path.is_file() and path.suffix != ".duckdb":
            found += path.read_bytes()
    return found


def published(store):
    return store.snapshot(store.release(store.refs.read("main", "published").release).snapshot)


def test_every_chunk_of_an_erased_source_document_is_gone_and_its_row_is_quarantined(run, cut, paragraphs):
    config = cut(paragraphs)
    first = run(config)
    (doc_id, text), store = paragraphs[1], corpus_of(config)
    chunks = store.snapshot(first["snapshot"]).scan().collect()
    mine = chunks.filter(parent=doc_id)
    assert len(mine) > 1
    assert all(part.encode() in words_in(config) for part in mine["doc_id"])
    done = purge(store, [doc_id], WHY)
    assert (done.ids, done.counts["documents"], done.counts["snapshots"]) == (1, len(mine), 1)
    words = words_in(config)
    assert not any(part.encode() in words for part in [*mine["doc_id"], *mine["text"].str.slice(0, 30)])
    left = published(store).scan().collect()
    assert sorted(left["doc_id"]) == sorted(set(chunks["doc_id"]) - set(mine["doc_id"]))
    assert verify(store).sound
    tonight = run(config)
    assert (tonight["quarantined"], tonight["source_documents"], tonight["encoded"]) == (1, 4, 0)
    assert store.run_record(tonight["run"])["reasons"] == {"purged": 1}
    assert tonight["snapshot"] == published(store).id
    assert text[:30].encode() not in words_in(config)


def test_an_upsert_carries_no_chunk_of_an_erased_source_document_over(run, cut, paragraphs):
    config = cut(paragraphs[:4])
    run(config)
    store = corpus_of(config)
    purge(store, [paragraphs[0][0]], WHY)
    upsert = cut(paragraphs[3:], source={**config.source.model_dump(exclude_unset=True), "mode": "upsert"})
    result = run(upsert)
    parents = set(published(store).scan().collect()["parent"])
    assert parents == {doc_id for doc_id, _ in paragraphs[1:]}
    assert result["rows_read"] == result["source_documents"] == 2
    assert verify(store).sound


def test_older_nights_lose_the_whole_document_and_the_newer_ones_its_chunks(run, cut, paragraphs):
    whole = cut(paragraphs, chunk=None)
    run(whole)
    config = cut(paragraphs)
    run(config)
    store = corpus_of(config)
    done = purge(store, [paragraphs[2][0]], WHY)
    assert done.counts["snapshots"] == 2
    assert paragraphs[2][1][:30].encode() not in words_in(config)
    assert verify(store).sound


def test_a_chunk_alone_is_not_erased_since_the_next_run_would_cut_it_again(run, cut, paragraphs):
    config = cut(paragraphs)
    first = run(config)
    store = corpus_of(config)
    doc_id = store.snapshot(first["snapshot"]).scan().collect()["doc_id"][0]
    with pytest.raises(InputError, match="is a chunk of the source document") as caught:
        purge(store, [doc_id], WHY)
    assert doc_id.split("#")[0] in caught.value.remedy
    assert store.purged() == frozenset()
    assert verify(store).sound


def test_a_chunk_that_the_encoder_refused_is_erased_from_the_quarantine(run, cut, broken_model):
    rows = [
        ("a", "My card was lost.\n\nA zebra crossed my account again today."),
        ("ab", "A zebra paid."),
        ("b", "Fine."),
    ]
    config = cut(rows, chunk={"tokens": 11}, encoder={"backend": "torch", "model": str(broken_model)})
    first = run(config)
    assert first["refused"] == 2
    store = corpus_of(config)
    done = purge(store, ["a"], WHY)
    assert done.counts["quarantined"] == 1
    words = words_in(config)
    assert b"crossed my account" not in words
    assert b"A zebra paid." in words
    assert verify(store).sound


def test_a_half_erased_source_document_is_found(run, cut, paragraphs, monkeypatch):
    config = cut(paragraphs)
    run(config)
    store = corpus_of(config)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sphering.maintenance.purge._delete", killed)
    with pytest.raises(KeyboardInterrupt):
        purge(store, [paragraphs[0][0]], WHY)
    assert {entry["kind"] for entry in verify(store).wrong} == {"erasure"}
    monkeypatch.undo()
    purge(store, [paragraphs[0][0]], WHY)
    assert verify(store).sound
