"""A run that is killed again and again, whenever it may be, ends where one ends that nobody disturbed."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nights import QUESTIONS

from sphering.maintenance.verify import verify
from sphering.store.store import Store

pytestmark = pytest.mark.soak

DRIVER = Path(__file__).parents[1] / "nights.py"
KILLS = 20
SECONDS = (1.0, 16.0)  # from before the model is loaded to after the refs have moved


@pytest.fixture
def file(tmp_path):
    """Write the configuration of a run over 300 short texts into a store of a name."""
    import pyarrow.parquet as pq

    table = pq.read_table(next(QUESTIONS.glob("*.parquet")))
    texts = list(dict.fromkeys(table["text"].to_pylist()))[:300]
    (tmp_path / "source.txt").write_text("\n".join(" ".join(text.split())[:60] for text in texts), encoding="utf-8")

    def write(store):
        path = tmp_path / f"{store}.toml"
        path.write_text(
            f"""corpus = "questions"
store = "{tmp_path / store}"
[source]
path = "{tmp_path / "source.txt"}"
format = "lines"
[encoder]
backend = "torch"
[transform]
kind = "none"
[[export]]
name = "matrix"
format = "npy"
[run]
unit_rows = 16
""",
            encoding="utf-8",
        )
        return path

    return write


def killed(file, seconds):
    """Run in a process that is killed after so long; return whether it had not ended by then."""
    process = subprocess.Popen([sys.executable, str(DRIVER), str(file)])
    try:
        assert process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def ended(store):
    """Return what a store ends with: the content digest of what is published, and the bytes of its export."""
    corpus = Store.open(store).corpus("questions")
    release = corpus.find_release("published")
    vectors = next(corpus.files.path(release.exports[0].path).glob("*.npy"))
    return corpus.manifest(release.snapshot).content_digest, release.id, vectors.read_bytes()


def sound(store):
    """Return whether all that a store has is sound; a run that was killed early left none."""
    return not store.is_dir() or all(
        verify(Store.open(store).corpus(name)).sound for name in Store.open(store).corpora()
    )


def test_runs_that_are_killed_at_random_moments_end_as_if_nobody_had(file, tmp_path):
    moments = random.Random(20)
    subprocess.run([sys.executable, str(DRIVER), str(file("undisturbed"))], check=True)
    undisturbed = ended(tmp_path / "undisturbed")
    kills = stories = 0
    while kills < KILLS:
        store = tmp_path / f"disturbed-{stories}"
        while killed(file(store.name), moments.uniform(*SECONDS)):
            kills += 1
            assert sound(store)
        assert ended(store) == undisturbed
        left = Store.open(store).corpus("questions")
        assert left.files.children(left.layout.scratch) == []
        stories += 1
