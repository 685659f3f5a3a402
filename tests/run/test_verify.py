"""Verification names what is wrong."""

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from sphering.catalog.rebuild import rebuild
from sphering.errors import SpheringError
from sphering.run.search import search
from sphering.run.verify import verify
from sphering.store.store import Store


@pytest.fixture(scope="module")
def made(run, questions, tmp_path_factory):
    """A finished store and the configuration that made it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sphering.config.model import Config

    folder = tmp_path_factory.mktemp("made")
    ids, texts = zip(*questions, strict=True)
    pq.write_table(pa.table({"id": ids, "text": texts}), folder / "source.parquet")
    config = Config.model_validate(
        {
            "corpus": "questions",
            "base": str(folder),
            "store": str(folder / "store"),
            "source": {"path": str(folder / "source.parquet")},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "center"},
            "export": [{"name": "matrix", "format": "npy"}],
        }
    )
    return config, run(config)


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(Path(made[0].store), tmp_path / "store")
    return Store.open(tmp_path / "store").corpus("questions")


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


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [("shards/*/*.parquet", "shard"), ("exports/*/*.npy", "export"), ("transforms/*/*.safetensors", "transform")],
)
def test_a_flipped_byte_is_found_and_named(copy, pattern, kind):
    path = one(copy, pattern)
    flip(path)
    findings = verify(copy)
    assert [wrong["kind"] for wrong in findings.wrong] == [kind]


@pytest.mark.parametrize("pattern", ["shards/*/*.parquet", "exports/*/*.npy"])
def test_a_truncated_or_missing_file_is_found(copy, pattern):
    path = one(copy, pattern)
    path.write_bytes(path.read_bytes()[:-100])
    assert not verify(copy).sound
    path.unlink()
    assert not verify(copy).sound


@pytest.mark.parametrize(
    "pattern",
    [
        "snapshots/*/manifest.json",
        "releases/*/release.json",
        "reports/*/report.json",
        "runs/*/run.json",
        "refs/*/*/*.json",
    ],
)
def test_an_edited_json_is_found(copy, pattern):
    path = one(copy, pattern)
    path.write_text(
        path.read_text()
        .replace("questions", "answers")
        .replace("gates passed", "looked fine")
        .replace("run ended", "ran")
    )
    text = path.read_text()
    path.write_text(text.replace('"value": 0', '"value": 1', 1) if "report.json" in str(path) else text)
    assert not verify(copy).sound


def test_a_swapped_shard_is_found(copy, made):
    path = one(copy, "shards/*/*.parquet")
    import pyarrow.parquet as pq

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
