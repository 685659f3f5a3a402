"""The tutorial is executed as it stands, and so is the way to read a store that docs/store.md gives."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from sphering.store.corpus import CorpusStore
from sphering.store.refs import LATEST, PUBLISHED
from sphering.store.release import Release
from sphering.store.store import Store

pytestmark = pytest.mark.command

ROOT = Path(__file__).parents[2]


def _text(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PREFECT_HOME": str(folder / "prefect"), "COLUMNS": "120"}


@dataclass(frozen=True)
class Followed:
    """The tutorial as somebody followed it: the folder, and what each block of each section printed."""

    folder: Path
    printed: dict[str, list[str]]

    @property
    def corpus(self) -> CorpusStore:
        return Store.open(self.folder / "first" / "store").corpus("questions")

    def published(self) -> list[Release]:
        """Return what `published` has named, first night first."""
        corpus = self.corpus
        return [corpus.release(value.release) for value in corpus.refs.history("main", PUBLISHED)]


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> Followed:
    """Type every command of the tutorial in one shell."""
    folder = tmp_path_factory.mktemp("tutorial")
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", _text("tutorial.md"), re.MULTILINE | re.DOTALL))
    blocks = [(title, block) for title, text in sections.items() for block in _blocks(text, "sh")]
    mark = "=== end of a block ==="
    script = "set -eu\n" + "".join(f"{block}\necho '{mark}'\n" for _, block in blocks)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed: dict[str, list[str]] = {title: [] for title in sections}
    for (title, _), part in zip(blocks, done.stdout.split(mark)[:-1], strict=True):
        printed[title].append(part.strip())
    return Followed(folder, printed)


def test_every_command_of_the_tutorial_says_something(followed):
    _, *later = (part for parts in followed.printed.values() for part in parts)
    assert len(later) == len(_blocks(_text("tutorial.md"), "sh")) - 1
    assert all(later)


def test_the_tutorials_second_night_is_unchanged_and_writes_its_record_alone(followed):
    unchanged, _ = followed.printed["4. The second night"]
    first, *_ = followed.published()
    assert unchanged.startswith(f"questions: unchanged, release {first.id}")
    assert " 0 encoded" in unchanged
    record = followed.corpus.run_records()[1]
    assert (record["release_status"], record["encoded"]) == ("unchanged", 0)
    assert [value.release for value in followed.corpus.refs.history("main", LATEST)].count(first.id) == 1


def test_the_tutorials_new_questions_alone_are_encoded_and_the_transform_stays(followed):
    changed = followed.corpus.run_records()[2]
    assert (changed["encoded"], changed["reused"], changed["documents"]) == (4, 307, 311)
    before, after = followed.published()
    assert before.snapshot != after.snapshot
    assert (before.transform, before.transform_sha256) == (after.transform, after.transform_sha256)


def test_the_tutorials_lost_rows_are_held_with_exit_code_3_before_anything_is_encoded(followed):
    held, search = followed.printed["5. A night that goes wrong"]
    assert held.splitlines()[-1] == "exit code 3"
    record = followed.corpus.run_records()[3]
    assert (record["release_status"], record["snapshot"], record["encoded"]) == ("held", None, 0)
    assert [gate["metric"] for gate in record["gates"] if not gate["passed"]] == ["documents_change"]
    assert search.splitlines()[0].split()[:2] == ["score", "doc_id"]


def test_the_tutorials_store_is_sound(followed):
    assert followed.printed["7. Look inside"][0].splitlines()[-1] == "sound"


def test_a_snapshot_is_read_with_polars_alone_though_rows_were_dropped(followed):
    _, release = followed.published()
    snapshot = followed.corpus.snapshot(release.snapshot)
    assert sum(entry.dropped for entry in snapshot.manifest.shards) == 1
    (snippet,) = _blocks(_text("store.md"), "python")
    code = snippet + "\nprint(json.dumps([documents['doc_id'].to_list(), *vectors.shape, str(vectors.dtype)]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=followed.folder / "first", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    doc_ids, height, width, dtype = json.loads(done.stdout)
    assert doc_ids == snapshot.scan().select("doc_id").collect()["doc_id"].sort().to_list()
    assert (height, width, dtype) == (311, 384, "float32")


def test_a_list_of_dropped_rows_that_a_killed_run_left_is_not_read(followed):
    _, release = followed.published()
    corpus = followed.corpus
    (dropped,) = (corpus.files.path(corpus.layout.snapshots) / release.snapshot).glob("dropped-*.parquet")
    stray = dropped.with_name("dropped-0123456789abcdef.parquet")
    pl.DataFrame({"shard": [0, 0], "row": [0, 1]}, {"shard": pl.Int32, "row": pl.Int64}).write_parquet(stray)
    try:
        (snippet,) = _blocks(_text("store.md"), "python")
        done = subprocess.run(
            [sys.executable, "-c", snippet], cwd=followed.folder / "first", capture_output=True, text=True, check=False
        )
    finally:
        stray.unlink()
    assert done.returncode == 0, done.stderr


def test_the_snippet_that_searches_the_pulled_index_finds_a_document_by_its_own_vector(followed):
    (snippet,) = (block for block in _blocks(_text("exports.md"), "python") if "faiss" in block)
    code = f"""
import numpy as np, sphering
release = sphering.open("../first/store")
release = release.corpus(release.corpora()[0]).release("published")
first = next(release.vectors())
raw_query_vectors = np.asarray(first["embedding"].flatten()).reshape(len(first), -1)[:20]
{snippet}
print([ids[int(row)].as_py() for row in rows[:, 0]] == first["doc_id"].to_pylist()[:20])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=followed.folder / "serving", capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[-1:] == ["True"], done.stdout + done.stderr
