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


def test_a_run_that_is_killed_at_random_moments_ends_as_if_nobody_had(file, tmp_path):
    moments = random.Random(20)
    disturbed = file("disturbed")
    kills = 0
    for _ in range(KILLS):
        kills += killed(disturbed, moments.uniform(*SECONDS))
        if (tmp_path / "disturbed").is_dir():
            store = Store.open(tmp_path / "disturbed")
            assert all(verify(store.corpus(name)).wrong == [] for name in store.corpora())
    assert kills > 0
    for path in (disturbed, file("undisturbed")):
        subprocess.run([sys.executable, str(DRIVER), str(path)], check=True)
    assert ended(tmp_path / "disturbed") == ended(tmp_path / "undisturbed")
    left = Store.open(tmp_path / "disturbed").corpus("questions")
    assert verify(left).sound
    assert left.files.children(left.layout.scratch) == []
