"""`[source] mode = "upsert"`: tonight's rows take the place of what `latest` has of their ids, and all else stays."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import die, embedded, killed_after_one_move, release

from sphering.errors import ConfigError, EmptyCorpusError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.run.units import plan_units
from sphering.store.store import Store


def store_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def texts_of(config, result):
    frame = store_of(config).snapshot(result["snapshot"]).scan().select("doc_id", "text").collect()
    return dict(frame.iter_rows())


def refusal(config, kind):
    """Begin a run that fails before anything is encoded, end it as the flow does, and return its error."""
    workspace = begin(config)

    def go_on():
        ingest(workspace)
        plan_units(workspace)

    with pytest.raises(kind) as caught:
        go_on()
    abandon(workspace, caught.value)
    return caught.value


def sums(result):
    tonight = result["documents"] - result["carried"]
    return tonight + result["quarantined"] + result["duplicates"] + result["deleted"]


@pytest.fixture
def upsert(corpus, tmp_path):
    """Return a function that writes the rows (id, text, deleted) of a night and returns an upsert of them."""
    count = 0

    def write(rows, store="store", **tables):
        nonlocal count
        count += 1
        path = tmp_path / f"night-{count}.parquet"
        columns = {
            "id": pa.array([row[0] for row in rows], pa.string()),
            "text": pa.array([row[1] for row in rows], pa.string()),
            "deleted": pa.array([row[2] if len(row) > 2 else None for row in rows], pa.bool_()),
        }
        pq.write_table(pa.table(columns), path)
        source = {"path": str(path), "mode": "upsert", "deleted": "deleted", **tables.pop("source", {})}
        return corpus([], store, source=source, **tables)

    return write


def test_a_row_replaces_what_latest_has_of_its_id_and_all_else_stays(copied_nights, run, upsert, questions):
    _, (first,) = copied_nights(60)
    night = [
        (questions[3][0], "My card was swallowed by a machine in Hanoi.", False),
        (questions[4][0], None, True),
        ("new", "Where is the nearest cash machine?", None),
        ("never-there", None, True),
    ]
    config = upsert(night)
    result = run(config)
    expected = dict(questions[:60]) | {questions[3][0]: night[0][1], "new": night[2][1]}
    del expected[questions[4][0]]
    assert texts_of(config, result) == expected
    assert (result["rows_read"], result["documents"], result["carried"], result["deleted"]) == (4, 60, 58, 2)
    assert (result["encoded"], result["removed"]) == (2, 1)
    assert sums(result) == result["rows_read"]
    assert first["release_status"] == result["release_status"] == "published"
    assert verify(store_of(config)).sound


def test_upserts_night_after_night_equal_one_full_run_of_what_they_come_to(run, corpus, upsert, questions):
    run(upsert(questions[:40]))
    run(upsert(questions[40:60]))
    config = upsert([(questions[1][0], None, True), (questions[0][0], questions[70][1], False)])
    night = run(config)
    full = corpus([(questions[0][0], questions[70][1]), *questions[2:60]], store="full")
    rebuilt = run(full)
    assert night["snapshot"] == rebuilt["snapshot"]
    assert exported(config, night) == exported(full, rebuilt)


def exported(config, result):
    return next((Path(config.store) / result["exports"][0]["path"]).glob("*.npy")).read_bytes()


def test_an_empty_source_changes_nothing_and_the_run_goes_on(copied_nights, run, upsert):
    _, (first,) = copied_nights(40)
    second = run(upsert([]))
    assert (second["release"], second["release_status"], second["encoded"]) == (first["release"], "unchanged", 0)
    assert (second["rows_read"], second["documents"], second["carried"], second["deleted"]) == (0, 40, 40, 0)


def test_a_night_that_deletes_too_much_is_stopped_before_anything_is_encoded(
    copied_nights, run, corpus, upsert, questions
):
    _, (first,) = copied_nights(40)
    gone = [(doc_id, None, True) for doc_id, _ in questions[:3]]
    second = run(upsert([*gone, ("new", "a new question")], gate=[{"metric": "deleted", "max": 2}]))
    assert (second["encoded"], second["release"]) == (0, None)
    assert [(gate["metric"], gate["value"]) for gate in second["gates"] if not gate["passed"]] == [("deleted", 3)]
    published = store_of(corpus(questions)).refs.read("main", "published").release
    assert published == first["release"]


def test_the_first_upsert_of_a_corpus_is_a_full_run(run, upsert, questions):
    assert "gave no document" in str(refusal(upsert([]), EmptyCorpusError))
    result = run(upsert([*questions[:40], ("gone", None, True)]))
    assert (result["rows_read"], result["documents"], result["carried"], result["deleted"]) == (41, 40, 0, 1)
    assert result["release_status"] == "published"


def test_a_corpus_of_which_every_document_is_removed_is_refused(copied_nights, upsert, questions):
    copied_nights(5)
    error = refusal(upsert([(doc_id, None, True) for doc_id, _ in questions[:5]]), EmptyCorpusError)
    assert "leaves no document (5 rows read, 0 quarantined, 5 deletions)" in str(error)


def test_a_quarantined_row_leaves_the_old_version_in_place(copied_nights, run, upsert, questions):
    copied_nights(40)
    config = upsert([(questions[0][0], " ", False)], gate=[{"metric": "quarantined_share", "max": 1.0}])
    result = run(config)
    assert texts_of(config, result) == dict(questions[:40])
    assert (result["quarantined"], result["carried"]) == (1, 40)


def test_what_a_held_release_brought_stays_in(copied_nights, run, upsert, questions):
    copied_nights(40)
    held = run(upsert(questions[40:42], gate=[{"metric": "transformed.mean_cosine", "max": -1.0}]))
    assert held["release_status"] == "held"
    config = upsert(questions[42:43])
    result = run(config)
    assert result["release_status"] == "published"
    assert texts_of(config, result) == dict(questions[:43])


def test_what_a_run_brought_that_was_killed_while_it_published_stays_in(copied_nights, run, upsert):
    copied_nights(20)
    workspace = embedded(upsert([("killed", "Which of my cards was charged twice?")]))
    with killed_after_one_move():
        release(workspace)
    die(workspace)
    config = upsert([("later", "Where is the nearest cash machine?")])
    after = run(config)
    assert (after["release_status"], after["documents"], after["removed"]) == ("published", 22, 0)
    assert {"killed", "later"} <= set(texts_of(config, after))


def test_the_first_run_of_a_channel_starts_from_the_latest_of_main(copied_nights, run, upsert, questions):
    copied_nights(40)
    trial = upsert(questions[40:41], run={"channel": "trial", "unit_rows": 32})
    assert texts_of(trial, run(trial)) == dict(questions[:41])
    run(upsert(questions[50:52]))
    again = upsert(questions[41:42], run={"channel": "trial", "unit_rows": 32})
    assert texts_of(again, run(again)) == dict(questions[:42])


def test_another_encoder_encodes_what_is_carried_over(copied_nights, run, upsert, questions):
    copied_nights(40)
    config = upsert(questions[40:41], encoder={"backend": "torch", "max_length": 64})
    result = run(config)
    assert (result["documents"], result["encoded"]) == (41, 41)
    assert texts_of(config, result) == dict(questions[:41])


def test_a_text_that_the_model_refuses_removes_the_old_version_and_the_sums_add_up(
    run, upsert, questions, broken_model
):
    tables = {
        "encoder": {"backend": "torch", "model": str(broken_model)},
        "gate": [{"metric": "quarantined_share", "max": 1.0}],
    }
    run(upsert(questions[:40], **tables))
    config = upsert([(questions[0][0], "A zebra crossed my account.")], **tables)
    for _ in range(2):
        result = run(config)
        assert (result["rows_read"], result["documents"], result["quarantined"]) == (1, 39, 1)
        assert sums(result) == 1


def test_documents_without_texts_are_carried_over(run, upsert, questions):
    bare = {"source": {"keep_text": False}}
    run(upsert(questions[:40], **bare))
    config = upsert([*questions[40:42], (questions[0][0], None, True)], **bare)
    result = run(config)
    assert (result["documents"], result["encoded"], result["carried"]) == (41, 2, 39)
    assert texts_of(config, result) == dict.fromkeys([doc_id for doc_id, _ in questions[1:42]])
    assert plan(config)["encode"] == 0


def test_documents_without_texts_are_not_encoded_anew(run, upsert, questions):
    run(upsert(questions[:40], source={"keep_text": False}))
    other = upsert(questions[40:41], source={"keep_text": False}, encoder={"backend": "torch", "max_length": 64})
    error = refusal(other, ConfigError)
    assert "40 documents that are carried over have no text, and no vector of the encoder" in error.found
    assert "source.mode=full" in error.remedy
    assert "has no texts to keep" in refusal(upsert(questions[40:41]), ConfigError).found


def test_another_normalisation_is_refused_until_a_full_run(copied_nights, run, corpus, upsert, questions):
    copied_nights(40)
    stripped = {"normalise": {"strip": True}}
    error = refusal(upsert(questions[40:41], **stripped), ConfigError)
    assert "strip = True" in error.found
    assert "source.mode=full" in error.remedy
    run(corpus(questions[:40], **stripped))
    assert run(upsert(questions[40:41], **stripped))["documents"] == 41


def test_other_metadata_columns_are_refused_until_a_full_run(copied_nights, run, upsert, questions, tmp_path):
    copied_nights(40)
    columns = {"source": {"metadata": ["deleted"]}}
    assert "labels and metadata are deleted" in refusal(upsert(questions[40:41], **columns), ConfigError).found
    run(upsert(questions[:40], source={"metadata": ["deleted"], "mode": "full", "deleted": None}))
    assert run(upsert(questions[40:41], **columns))["documents"] == 41


def test_a_plan_of_an_upsert_counts_as_the_run_does(copied_nights, run, upsert, questions):
    copied_nights(40)
    config = upsert([(questions[0][0], questions[50][1]), (questions[1][0], None, True), questions[41]])
    planned, result = plan(config), run(config)
    names = ("rows_read", "documents", "carried", "deleted", "quarantined", "duplicates", "removed")
    assert {name: planned[name] for name in names} == {name: result[name] for name in names}
    assert (planned["encode"], planned["warnings"]) == (result["encoded"], [])


def test_a_purged_id_does_not_come_back(copied_nights, run, corpus, upsert, questions, monkeypatch):
    import hashlib

    from sphering.store.corpus import CorpusStore

    copied_nights(40)
    purged = frozenset(hashlib.sha256(questions[n][0].encode()).digest() for n in (0, 41))
    monkeypatch.setattr(CorpusStore, "purged", lambda corpus: purged, raising=False)
    config = upsert(questions[40:42], gate=[{"metric": "quarantined_share", "max": 1.0}])
    result = run(config)
    assert texts_of(config, result) == dict(questions[1:41])
    assert (result["rows_read"], result["quarantined"], result["carried"]) == (2, 1, 39)
