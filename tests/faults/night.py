"""A night that a fault strikes: its corpus, its run on the worker, and what must be left of it."""

import os
import random
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from deployed import ENDED, Deployed, PrefectProcess, PrefectServer
from nights import carry

from sphering.config.load import load
from sphering.maintenance.verify import verify
from sphering.store.store import Store

CORPUS = "faults"
NIGHTLY = f"main-job/nightly-{CORPUS}"
TRIAL = f"{NIGHTLY}@next"
REQUESTS = 7  # tonight's 100 new texts, 16 a unit
SECONDS = 180
END_SECONDS = 1200  # a run without its server tries each artifact and event for long
CONFIGURATION = """corpus = "faults"
store = "{store}"
[source]
path = "source.parquet"
[encoder]
kind = "openai"
model = "letters"
base_url = "{url}"
timeout = 300
concurrency = 1
first_delay = 0.01
[transform]
kind = "none"
[report]
sample = 100
[[export]]
name = "matrix"
format = "npy"
[run]
unit_rows = 16
workers = 1
"""


def write_corpus(folder, documents):
    """Write documents, text by id, where the configuration in that folder finds them."""
    pq.write_table(pa.table({"id": list(documents), "text": list(documents.values())}), folder / "source.parquet")


def write_config(folder, store, url, documents):
    """Write a configuration, that of its trial in another channel, and the documents; return the first one's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_corpus(folder, documents)
    path, text = folder / "sphering.toml", CONFIGURATION.format(store=store, url=url)
    path.write_text(text, encoding="utf-8")
    (folder / "next.toml").write_text(f'{text}channel = "next"\n', encoding="utf-8")
    return path


def awaited(ask, what, seconds=SECONDS):
    """Return what is found when something is."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


@dataclass
class Place:
    """What runs beside the tests of the module: a server, its worker, a model, and the way to an object store."""

    deployed: Deployed
    server: PrefectServer
    worker: PrefectProcess
    gate: object
    proxy: object
    url: str

    @property
    def api(self):
        return self.deployed.api


@dataclass
class Night:
    """One corpus on which a run is disturbed."""

    place: Place
    config: Path
    chance: random.Random
    disk: object = None
    run: str = ""
    processes: list = field(default_factory=list)

    @cached_property
    def corpus(self):
        return Store.open(load(self.config).store).corpus(CORPUS)

    def first(self):
        """Publish what was there before."""
        return carry(load(self.config))

    def start(self, **environment):
        """Start the run that is struck on the worker."""
        self.run = self._start(NIGHTLY, self.config, environment)

    def start_again(self):
        """Start another run of the deployment; return its id."""
        return self._start(NIGHTLY, self.config, {})

    def start_trial(self):
        """Start a run of the corpus' other deployment; return its id."""
        return self._start(TRIAL, self.config.with_name("next.toml"), {})

    def _start(self, deployment, config, environment):
        api = self.place.api
        path = f"/deployments/{api.deployment(deployment)['id']}/create_flow_run"
        body = {"parameters": {"config": str(config)}, "job_variables": {"env": environment}}
        return api.post(path, **body)["id"]

    def await_log(self, run, words):
        """Wait until a run says something."""
        awaited(lambda: any(words in line for line in self.place.api.logs(run)), words)

    def workers(self):
        """Return the processes below the worker that work."""
        return psutil.Process(self.place.worker.process.pid).children(recursive=True)

    def reach(self):
        """Wait until the run waits for its model."""
        api, path = self.place.api, f"/flow_runs/{self.run}"
        awaited(lambda: self.place.gate.struck or api.get(path)["state_type"] in ENDED, "a run that has come so far")
        assert self.place.gate.struck, api.get(path)["state"]
        self.processes = self.workers()
        assert self.processes

    def end(self):
        """Let the run go on, and wait until its processes are gone."""
        self.place.gate.open()
        awaited(lambda: not any(map(_lives, self.processes)), "the end of the run's processes", END_SECONDS)

    def next(self):
        """Run again on the worker, undisturbed; return the run's record."""
        before = {record["run"] for record in self.corpus.run_records()}
        ended = self.place.api.run(NIGHTLY, config=str(self.config))
        assert ended["state_type"] == "COMPLETED", ended["state"]
        (record,) = [each for each in self.corpus.run_records() if each["run"] not in before]
        return record

    def texts_kept(self):
        """Return how many texts have a vector in the store, whether or not a snapshot names it."""
        files = self.corpus.files
        shards = [key for key in files.walk(f"{self.corpus.layout.root}/shards") if "probe" not in key]
        return sum(pq.read_metadata(pa.BufferReader(files.read(key))).num_rows for key in shards)

    def published(self):
        """Return the content digest of what is published."""
        return self.corpus.manifest(self.corpus.find_release("published").snapshot).content_digest

    def check_sound(self):
        findings = verify(self.corpus)
        assert findings.sound, findings.wrong

    def check_nothing_is_left(self):
        """Nothing temporary, no process of the night, and no open file of the store in any process that goes on."""
        files = self.corpus.files
        left = [*files.working(self.corpus.layout.scratch).glob("*"), *files.working("temporary").glob("*")]
        assert left == []
        awaited(lambda: not self.workers(), "the end of the worker's children", 30)
        assert [each for each in self.processes if _lives(each)] == []
        place = str(self.corpus.files.working(""))
        going_on = (os.getpid(), self.place.worker.process.pid, self.place.server.process.pid)
        opened = [file.path for process in going_on for file in psutil.Process(process).open_files()]
        assert [path for path in opened if path.startswith(place)] == []


def _lives(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
