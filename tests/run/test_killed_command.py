"""The real command with its own Prefect server, killed or interrupted at the worst moments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.maintenance.verify import verify
from sphering.store.corpus import CorpusStore
from sphering.store.store import Store

pytestmark = pytest.mark.command

SAMPLE = Path(__file__).parents[1] / "data" / "banking77" / "banking77-200.parquet"
ROWS = 200
LONG = 100
UNIT_ROWS = 16
CONFIG = """
corpus = "questions"
store = "{store}"

[source]
path = "{source}"

[encoder]
backend = "torch"

[report]
sample = 100

[run]
unit_rows = {unit_rows}

[[export]]
name = "matrix"
format = "npy"
"""


@dataclass(frozen=True)
class Night:
    """A folder in which somebody with this home types commands, and has told Prefect nothing."""

    folder: Path
    home: Path
    api: str

    def configure(self, store: str = "store", unit_rows: int = UNIT_ROWS, source: Path = SAMPLE) -> None:
        text = CONFIG.format(store=store, source=source, unit_rows=unit_rows)
        (self.folder / "sphering.toml").write_text(text, encoding="utf-8")

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command as a terminal does: in a process group of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "XDG_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "sphering.cli", *arguments],
            cwd=self.folder,
            env={**kept, "HOME": str(self.home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finished(self, *arguments: str) -> dict:
        """Run a command to its end, on a server that is there, and return its JSON."""
        process = self.start(*arguments, "--json", PREFECT_API_URL=self.api)
        out, err = process.communicate()
        assert process.returncode == 0, err
        return json.loads(out)

    def corpus(self, store: str = "store") -> CorpusStore:
        return Store.open(self.folder / store).corpus("questions")

    def releases(self, store: str) -> list[Path]:
        return list((self.folder / store).glob("corpora/questions/releases/*/release.json"))

    def shards(self) -> list[Path]:
        paths = (self.folder / "store").glob("corpora/questions/shards/*/*.parquet")
        return [path for path in paths if path.name != "probe.parquet"]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def night(tmp_path, home, prefect_api) -> Night:
    tonight = Night(tmp_path, home, prefect_api)
    tonight.configure()
    return tonight


def _wait(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 300
    while not happened():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.005)


def _children(process: subprocess.Popen[str]) -> list[int]:
    found = [path.read_text().split() for path in Path(f"/proc/{process.pid}/task").glob("*/children")]
    return [int(child) for children in found for child in children]


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a command as the kernel does when memory is short, and see its server end."""
    servers = _children(process)
    assert len(servers) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    end = time.monotonic() + 60
    while Path(f"/proc/{servers[0]}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{servers[0]}").exists()


def _texts_in_shards(night: Night) -> int:
    return sum(pq.read_metadata(path).num_rows for path in night.shards())


@pytest.mark.soak  # tests/run/test_crash.py kills the steps of a run without Prefect
def test_a_run_killed_while_it_encodes_leaves_a_sound_store_and_the_next_one_goes_on(night):
    encoding = night.start("run")
    _wait(encoding, lambda: len(night.shards()) >= 3)
    _kill(encoding)
    kept = _texts_in_shards(night)
    assert 3 * UNIT_ROWS <= kept < ROWS
    assert verify(night.corpus()).sound
    assert night.corpus().run_records() == []
    resumed = night.finished("run")
    assert (resumed["documents"], resumed["encoded"]) == (ROWS, ROWS - kept)
    assert verify(night.corpus()).sound
    assert not list((night.folder / "store" / "temporary").iterdir())


@pytest.mark.soak
def test_a_run_killed_before_its_record_has_released_what_an_undisturbed_one_does(night):
    undisturbed = night.finished("run")
    night.configure(store="killed")
    releasing = night.start("run")
    _wait(releasing, lambda: bool(night.releases("killed")))
    _kill(releasing)
    killed = night.corpus("killed")
    assert killed.run_records() == []
    assert killed.release_ids() == [undisturbed["release"]]
    digests = [corpus.manifest(undisturbed["snapshot"]).content_digest for corpus in (night.corpus(), killed)]
    assert digests[0] == digests[1]
    assert verify(killed).sound
    question = pq.read_table(SAMPLE)["text"][0].as_py()
    found = night.finished("search", question, "-k", "1", "--snapshot", undisturbed["release"])
    assert [hit["text"] for hit in found["hits"]] == [question]


def test_an_interrupted_run_stops_within_its_unit_says_so_and_the_next_one_goes_on(night, tmp_path):
    table = pq.read_table(SAMPLE).slice(0, LONG)
    texts = [" ".join([text] * 12) for text in table["text"].to_pylist()]
    long = tmp_path / "long.parquet"
    pq.write_table(table.set_column(table.column_names.index("text"), "text", [texts]), long)
    night.configure(unit_rows=ROWS, source=long)
    process = night.start("run")
    assert any(line.startswith("embed: ") for line in iter(process.stderr.readline, ""))
    time.sleep(1)  # into the midst of the only unit, which takes several seconds
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted; what was finished is kept" in err
    assert night.shards() == []
    assert verify(night.corpus()).sound
    assert [record["status"] for record in night.corpus().run_records()] == ["failed"]
    assert night.corpus().files.children(night.corpus().layout.scratch) == []

    finished = night.finished("run")
    assert (finished["documents"], finished["encoded"]) == (LONG, LONG)
