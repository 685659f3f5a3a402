"""Documents are erased from everything a corpus has, and no run takes them in again."""

import hashlib
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import die

from sphering.catalog.rebuild import rebuild
from sphering.config.model import SourceConfig
from sphering.errors import EmptyCorpusError, InputError, LeaseHeldError, SourceError
from sphering.maintenance.publication import rollback
from sphering.maintenance.purge import purge
from sphering.maintenance.verify import verify
from sphering.run import kept_moments, lease
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.store.documents import read_document
from sphering.store.store import Store

WHY = "request 2026-114"


def corpus_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def refs_of(store):
    return {name: store.refs.read("main", name).release for name in ("latest", "published")}


def bytes_of(config):
    """Return all that is stored; Parquet files as they are read, without vectors."""
    found = b""
    for path in sorted(Path(config.store).rglob("*")):
        if path.suffix == ".parquet" and path.name != "probe.parquet":
            names = [name for name in pq.read_schema(path).names if name != "embedding"]
            found += repr(pq.read_table(path, columns=names).to_pylist()).encode()
        elif path.is_file() and path.suffix != ".duckdb":
            found += path.read_bytes()
    return found


@pytest.fixture
def nights(copied_nights):
    def over(*sizes, **tables):
        config, results = copied_nights(*sizes, **tables)
        return config, results[-1]

    return over


def test_an_erased_document_is_nowhere_in_the_store(nights, questions):
    config, last = nights(30, 31, 32)
    (doc_id, text), store = questions[3], corpus_of(config)
    assert text.encode() in bytes_of(config)
    done = purge(store, [doc_id], WHY)
    stored = bytes_of(config)
    assert text.encode() not in stored
    assert f"'{doc_id}'".encode() not in stored
    assert f'"{doc_id}"'.encode() not in stored
    assert done.counts["snapshots"] == done.counts["releases"] == 3
    assert list(done.successors) == [last["release"]]
    assert verify(store).sound
    successor = store.release(refs_of(store)["published"])
    assert refs_of(store) == dict.fromkeys(("latest", "published"), done.successors[last["release"]])
    assert store.manifest(successor.snapshot).documents == 31
    assert doc_id not in store.snapshot(successor.snapshot).scan().collect()["doc_id"].to_list()


def test_no_sums_stay_that_an_erased_vector_is_in(run, corpus, questions, monkeypatch):
    monkeypatch.setattr(kept_moments, "ROWS_A_DIMENSION", 0)  # each shard is a long stretch
    run(corpus(questions[:30]))
    run(config := corpus(questions[:31]))
    kept = [path.name for path in Path(config.store).rglob("*.moments")]
    assert kept
    store = corpus_of(config)
    purge(store, [questions[3][0]], WHY)
    assert not set(kept) & {path.name for path in Path(config.store).rglob("*.moments")}
    assert verify(store).sound


def test_the_successor_keeps_the_transform_and_equals_what_a_run_without_the_document_makes(
    nights, run, corpus, questions
):
    config, last = nights(40, transform={"kind": "center"})
    before = corpus_of(config).release(last["release"])
    purge(corpus_of(config), [questions[0][0]], WHY)
    after = corpus_of(config).release(refs_of(corpus_of(config))["published"])
    assert (after.transform, after.transform_sha256) == (before.transform, before.transform_sha256)
    rebuilt = run(corpus(questions[1:40], store="rebuilt", transform={"kind": "center"}))
    assert rebuilt["snapshot"] == after.snapshot


def test_no_run_takes_an_erased_document_in_again(nights, run, questions):
    config, _ = nights(30, gate=[{"metric": "quarantined_share", "max": 0.1}])
    store = corpus_of(config)
    purge(store, [questions[3][0]], WHY)
    published = refs_of(store)["published"]
    tonight = run(config)
    assert (tonight["documents"], tonight["quarantined"], tonight["encoded"]) == (29, 1, 0)
    record = store.run_record(tonight["run"])
    assert record["reasons"] == {"purged": 1}
    assert store.manifest(tonight["snapshot"]).id == store.release(published).snapshot


def test_a_document_that_was_removed_before_goes_from_old_shards_and_the_snapshot_stays(nights, run, corpus, questions):
    _, _ = nights(30)
    config = corpus(questions[1:30])
    later = run(config)
    store = corpus_of(config)
    assert sum(entry.dropped for entry in store.manifest(later["snapshot"]).shards) == 1
    done = purge(store, [questions[0][0]], WHY)
    assert done.successors == {}
    assert done.counts["snapshots"] == 1
    assert refs_of(store) == dict.fromkeys(("latest", "published"), later["release"])
    assert sum(entry.dropped for entry in store.manifest(later["snapshot"]).shards) == 0
    assert verify(store).sound
    assert questions[0][1].encode() not in bytes_of(config)


def test_quarantined_rows_are_erased_and_the_records_still_add_up(run, corpus, questions):
    config = corpus([*questions[:30], ("bad", "   ")], gate=[{"metric": "quarantined_share", "max": 1}])
    run(config)
    store = corpus_of(config)
    done = purge(store, ["bad"], WHY)
    assert done.counts == {"documents": 0, "shards": 0, "snapshots": 0, "releases": 0, "exports": 0, "quarantined": 1}
    assert b"'bad'" not in bytes_of(config)
    assert verify(store).sound


def test_what_malformed_rows_quote_is_silenced_where_it_names_an_erased_id(run, corpus, tmp_path, questions):
    rows = [f'{{"id": "{name}", "text": "{text}"}}' for name, text in questions[:30]]
    cut = ['{"id": "private-7", "text": "a secret', '{"id": "other", "text": "not secr']
    (tmp_path / "rows.jsonl").write_text("\n".join(rows + cut), encoding="utf-8")
    gate = [{"metric": "quarantined_share", "max": 1}]
    config = corpus([], source={"path": str(tmp_path / "rows.jsonl")}, gate=gate)
    run(config)
    done = purge(corpus_of(config), ["private-7"], WHY)
    assert done.counts["quarantined"] == 0
    stored = bytes_of(config)
    assert b"a secret" not in stored
    assert b"not secr" in stored
    assert verify(corpus_of(config)).sound


def test_exports_go_that_no_release_names(copied_nights, nights, questions):
    _, (first,) = copied_nights(30)
    config, _ = nights(31)
    store, (export,) = corpus_of(config), first["exports"]
    shutil.rmtree(Path(config.store) / store.layout.releases / first["release"])
    purge(store, [questions[3][0]], WHY)
    assert not (Path(config.store) / export["path"]).exists()
    assert verify(store).sound


def test_runs_that_failed_or_were_killed_keep_nothing_of_an_erased_document(nights, corpus, questions, tmp_path):
    config, _ = nights(30)
    (doc_id, _), store = questions[3], corpus_of(config)
    killed = begin(corpus([*questions[:30], ("other", "another text")]))
    ingest(killed)
    die(killed)
    pq.write_table(pa.table({"id": [doc_id] * 2, "text": ["a secret", "another secret"]}), tmp_path / "twice.parquet")
    sql = f"SELECT id, text FROM read_parquet('{tmp_path}/twice.parquet')"
    failed = begin(config.model_copy(update={"source": SourceConfig(sql=sql)}))
    with pytest.raises(SourceError, match="secret") as raised:
        ingest(failed)
    abandon(failed, raised.value)
    purge(store, [doc_id], WHY)
    stored = bytes_of(config)
    assert b"secret" not in stored
    assert doc_id.encode() not in stored
    assert not list(store.files.path(store.layout.scratch).iterdir())
    assert store.run_record(failed.name)["error"] == "SourceError: it named a document that was erased since"
    assert verify(store).sound


def test_an_edited_tombstone_is_found(nights, questions):
    config, _ = nights(30)
    store = corpus_of(config)
    done = purge(store, [questions[3][0]], WHY)
    path = store.files.path(store.layout.tombstone(done.tombstone))
    path.write_text(path.read_text().replace(WHY, "no reason"))
    assert [entry["kind"] for entry in verify(store).wrong] == ["tombstone"]


def test_the_tombstone_keeps_hashes_counts_who_and_why(nights, questions):
    config, _ = nights(30)
    store = corpus_of(config)
    done = purge(store, [questions[0][0], "never seen"], WHY)
    tombstone = read_document(store.files, store.layout.tombstone(done.tombstone))
    hashes = {hashlib.sha256(value.encode()).digest() for value in (questions[0][0], "never seen")}
    assert store.purged() == hashes
    assert tombstone["counts"] == done.counts
    assert tombstone["why"] == WHY
    assert tombstone["who"]


def test_what_would_leave_a_ref_without_documents_erases_nothing(nights, questions):
    config, last = nights(5)
    store = corpus_of(config)
    with pytest.raises(EmptyCorpusError, match="no document left"):
        purge(store, [doc_id for doc_id, _ in questions[:5]], WHY)
    assert store.purged() == frozenset()
    assert refs_of(store)["published"] == last["release"]
    assert verify(store).sound


def test_nothing_is_erased_without_an_id_or_beside_a_run(nights):
    config, _ = nights(5)
    store = corpus_of(config)
    with pytest.raises(InputError, match="no id"):
        purge(store, [], WHY)
    taken = lease.take(store, "a run", wait=False)
    with pytest.raises(LeaseHeldError, match="a run"):
        purge(store, ["x"], WHY)
    taken.release()


def test_a_withdrawn_release_stays_withdrawn(nights, run, questions):
    config, last = nights(30, 31)
    store = corpus_of(config)
    rollback(store, "main", "wrong prices")
    purge(store, [questions[0][0]], WHY)
    assert store.refs.withdrawn("main") == {last["release"]}
    assert store.release(last["release"]).id == last["release"]
    assert verify(store).sound
    assert rebuild(Store.open(Path(config.store))).is_file()


def test_a_killed_purge_is_begun_again_and_ends_the_same(nights, questions, monkeypatch):
    config, last = nights(30, 31)
    store = corpus_of(config)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sphering.maintenance.purge._delete", killed)
    with pytest.raises(KeyboardInterrupt):
        purge(store, [questions[0][0]], WHY)
    assert {entry["kind"] for entry in verify(store).wrong} == {"erasure"}
    monkeypatch.undo()
    purge(store, [questions[0][0]], WHY)
    assert verify(store).sound
    assert questions[0][1].encode() not in bytes_of(config)
    assert refs_of(store)["published"] != last["release"]


def test_ids_are_read_from_text_and_from_parquet(tmp_path):
    from sphering.cli.purge import read_ids

    (tmp_path / "ids.txt").write_bytes("\ufeffa\r\n\nb c\nd\u2028e\n".encode())
    pq.write_table(pa.table({"doc_id": [1, 2]}), tmp_path / "ids.parquet")
    assert read_ids(tmp_path / "ids.txt") == ["a", "b c", "d\u2028e"]
    assert read_ids(tmp_path / "ids.parquet") == ["1", "2"]
    with pytest.raises(InputError, match="cannot be read"):
        read_ids(tmp_path / "none.txt")
