"""Verification names what is wrong."""

import json
import shutil

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.catalog.rebuild import rebuild
from sphering.errors import SpheringError
from sphering.maintenance.verify import verify
from sphering.run.search import search
from sphering.store.store import Store


def flip(path, position=-5):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


def one(copy, pattern):
    return next(path for path in sorted(copy.files.root.rglob(pattern)) if path.name != "probe.parquet")


def test_an_untouched_store_is_sound(copy):
    findings = verify(copy)
    assert findings.sound
    assert findings.checked["shard"] == 1
    assert findings.checked["content digest"] == 1
    kinds = {"snapshot", "probe", "shard", "content digest", "release", "transform", "report", "export"}
    assert set(findings.checked) == kinds | {"evaluation", "pin", "run", "ref"}


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("shards/*/*.parquet", "shard"),
        ("exports/*/*.npy", "export"),
        ("transforms/*/*.safetensors", "transform"),
        ("evaluations/*/texts.parquet", "evaluation"),
        ("evaluations/*/judgements.parquet", "evaluation"),
        ("runs/*/quarantine.parquet", "run"),
    ],
)
def test_a_flipped_byte_or_a_missing_file_is_found_and_named(copy, pattern, kind):
    path = one(copy, pattern)
    flip(path)
    assert [wrong["kind"] for wrong in verify(copy).wrong] == [kind]
    path.unlink()
    assert [wrong["kind"] for wrong in verify(copy).wrong] == [kind]


@pytest.mark.parametrize("pattern", ["shards/*/*.parquet", "exports/*/*.npy"])
def test_a_truncated_file_is_found(copy, pattern):
    path = one(copy, pattern)
    path.write_bytes(path.read_bytes()[:-100])
    assert not verify(copy).sound


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("snapshots/*/manifest.json", "snapshot"),
        ("releases/*/release.json", "release"),
        ("reports/*/report.json", "report"),
        ("evaluations/*/manifest.json", "evaluation"),
        ("encoders/*.json", "pin"),
        ("runs/*/run.json", "run"),
        ("refs/*/*/*.json", "ref"),
    ],
)
def test_an_edited_json_is_found(copy, pattern, kind):
    path = one(copy, pattern)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"at": "another day"}))
    assert kind in [wrong["kind"] for wrong in verify(copy).wrong]


@pytest.mark.parametrize("selector", [None, "published"])
@pytest.mark.parametrize(
    ("folder", "kind"),
    [("snapshots", "snapshot"), ("transforms", "transform"), ("reports", "report"), ("exports", "export")],
)
def test_a_deleted_folder_that_a_release_names_is_found(copy, folder, kind, selector):
    shutil.rmtree(copy.files.path(f"{copy.layout.root}/{folder}"))
    assert [wrong["kind"] for wrong in verify(copy, selector).wrong] == [kind]


def test_what_a_killed_run_left_of_a_snapshot_is_no_damage(copy):
    left = copy.files.path(copy.layout.dropped("0123456789abcdef", "0" * 64))
    left.parent.mkdir()
    left.write_bytes(b"a list that no manifest names")
    assert verify(copy).sound


def test_a_swapped_shard_is_found(copy, made):
    path = one(copy, "shards/*/*.parquet")
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert [wrong["kind"] for wrong in verify(copy).wrong] == ["shard"]


def test_the_catalog_answers_similarity_in_sql(copy, questions):
    path = rebuild(Store.open(copy.files.root))
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute("DESCRIBE questions.latest").fetchall()
        assert ("embedding", "FLOAT[384]") in [(column[0], column[1]) for column in columns]
        nearest = connection.execute(
            "SELECT b.doc_id FROM questions.latest a, questions.latest b WHERE a.doc_id = 'q-0003'"
            " ORDER BY array_cosine_distance(a.embedding, b.embedding), b.doc_id LIMIT 3"
        ).fetchall()
        counted = connection.execute("SELECT documents FROM snapshots").fetchall()
    frame = copy.find_release("published")
    rows = copy.snapshot(frame.snapshot).scan().collect().sort("doc_id")
    vectors = rows["embedding"].to_numpy().astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.argsort(-(vectors @ vectors[3]), kind="stable")[:3]
    assert [row[0] for row in nearest] == [rows["doc_id"][int(index)] for index in expected]
    assert counted == [(len(questions),)]


def test_a_question_finds_itself_first(copy, questions):
    found = search(copy, "published", questions[7][1], 3)
    assert found["hits"][0]["doc_id"] == questions[7][0]
    assert found["hits"][0]["score"] == pytest.approx(1.0, abs=1e-6)
    assert len(found["hits"]) == 3


def test_an_empty_question_is_refused(copy):
    with pytest.raises(SpheringError):
        search(copy, "published", "  ", 3)


def test_the_python_door_reads_a_release(copy, questions):
    import sphering

    release = sphering.open(copy.files.root).corpus("questions").release("published")
    assert release.scan().collect().height == len(questions)
    assert sum(batch.num_rows for batch in release.vectors()) == len(questions)
    bundle = release.bundle()
    assert np.allclose(np.linalg.norm(bundle.encode(["is my card lost?"]), axis=1), 1.0, atol=2e-7)


def test_a_changed_probe_is_found(copy):
    flip(next(copy.files.root.rglob("probe.parquet")), position=20000)
    assert "probe" in [wrong["kind"] for wrong in verify(copy).wrong]
