"""A disk that fills up: a message that says what to do, a whole store, and a next run that finishes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from nights import looked_up

from sphering.maintenance.verify import verify
from sphering.store.corpus import CorpusStore
from sphering.store.store import Store

pytestmark = pytest.mark.command

QUESTIONS = Path(__file__).parents[1] / "data" / "banking77"
EXPORTS = "".join(
    f'[[export]]\nname = "{name}"\nformat = "{name}"\n' for name in ("npy", "parquet", "fbin", "duckdb", "faiss")
).replace('format = "faiss"', 'format = "faiss"\nindex = "Flat"')
CONFIGURATION = """
[encoder]
kind = "precomputed"
identity = "random numbers"
vectors = "vectors.parquet"
[transform]
kind = "none"
[report]
sample = 100
[run]
unit_rows = 128
"""


@pytest.fixture(scope="module")
def questions():
    """800 texts: real questions, each with four numbers."""
    texts = pq.read_table(next(QUESTIONS.glob("*.parquet")))["text"].to_pylist()[:200]
    return [{"id": f"{number}-{n}", "text": f"{text} {number}"} for number in range(4) for n, text in enumerate(texts)]


@dataclass(frozen=True)
class Night:
    """A store on a small disk with a release over 50 documents, and a source of 800 for tonight."""

    run: Callable[..., Any]
    corpus: CorpusStore
    release: str

    def refs(self):
        return {name: self.corpus.refs.read("main", name).release for name in ("latest", "published")}


@pytest.fixture(scope="module")
def night(small_disk, tmp_path_factory, sphering, write_corpus, questions):
    folder, store = tmp_path_factory.mktemp("configuration"), small_disk.root / "store"

    def run(command="run"):
        return sphering(command, "--json", "--set", f"store={store}", cwd=folder)

    looked_up(folder, [row["text"] for row in questions], 384)
    write_corpus(folder, CONFIGURATION + EXPORTS, questions[:50])
    first = run()
    assert first.code == 0, first.err
    write_corpus(folder, CONFIGURATION + EXPORTS, questions)
    return Night(run, Store.open(store).corpus("small"), first.json["release"])


@pytest.mark.parametrize(
    ("kilobytes", "reached", "not_reached"),
    [
        pytest.param(48, "read: done", "embed", id="staging"),
        pytest.param(800, "embed: stopped", "fit", id="shards"),
        pytest.param(6500, "embed: done", "published", id="exports", marks=pytest.mark.soak),
    ],
)
def test_a_run_that_fills_the_disk_says_so_and_leaves_what_was_there(
    kilobytes, reached, not_reached, night, small_disk
):
    small_disk.leave(kilobytes * 1024)
    outcome = night.run()
    assert outcome.code == 2, outcome.err
    assert reached in outcome.err
    assert not_reached not in outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.splitlines()[-1].startswith("  do:       free some space")
    assert outcome.out == ""
    assert night.refs() == {"latest": night.release, "published": night.release}
    assert night.corpus.release(night.release).passed
    assert verify(night.corpus).sound
    assert not list(night.corpus.files.path(night.corpus.layout.scratch).iterdir())


def test_the_next_run_finishes_where_the_disk_was_made_larger(night, small_disk):
    small_disk.relieve()
    small_disk.grow("64m")
    outcome = night.run()
    assert outcome.code == 0, outcome.err
    assert outcome.json["release_status"] == "published"
    assert outcome.json["documents"] == 800
    assert night.refs() == {"latest": outcome.json["release"], "published": outcome.json["release"]}
    assert verify(night.corpus).sound
