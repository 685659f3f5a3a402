"""Months of nights on a real server and worker: documents come, change and go, runs are killed and overlap."""

import os
import random
import time
from collections import Counter
from datetime import timedelta

import psutil
import pytest
from faults.night import NIGHTLY, Night, write_config, write_corpus
from nights import carry

from sphering.config.load import load
from sphering.flows.deploy.automations import unbegun_runs

pytestmark = [pytest.mark.server, pytest.mark.soak]

RUNS = int(os.environ.get("SPHERING_SOAK_RUNS", "200"))
DOCUMENTS = 60
BEGUN = 20  # documents of the first night
LIVES_SECONDS = 8.0  # from before a run's process has imported anything to after its refs have moved
FATES = {"undisturbed": 20, "killed": 12, "the night again": 4, "the trial beside it": 4, "the worker restarted": 1}


def changed(documents, texts, chance):
    """Return the documents of another night: a few come, a few have another text, a few go, or nothing happens."""
    documents = dict(documents)
    for _ in range(chance.randint(0, 6)):
        name = f"d-{chance.randrange(DOCUMENTS):02d}"
        if name in documents and chance.random() < 0.3:
            del documents[name]
        else:
            documents[name] = f"{chance.choice(texts)} ({chance.randrange(1000)})"
    return documents


class Soak:
    """One corpus, its documents as they should be, and what each run did to it."""

    def __init__(self, night, documents):
        self.night, self.documents = night, documents
        self.states, self.changes, self.sizes = [], 0, []

    def change(self, texts):
        documents = changed(self.documents, texts, self.night.chance)
        self.changes += sum(documents.get(name) != self.documents.get(name) for name in {*documents, *self.documents})
        self.documents = documents
        write_corpus(self.night.config.parent, documents)

    def run(self, fate):
        """Run once, or twice, with a fate; return how many runs that were."""
        night = self.night
        night.start()
        started = [night.run]
        moment = night.chance.uniform(0, LIVES_SECONDS)
        if fate == "killed":
            self._kill(moment)
        elif fate == "the worker restarted":
            time.sleep(moment)
            night.place.worker.stop()
            night.place.worker.start()
        elif fate != "undisturbed":
            time.sleep(moment)
            started.append(night.start_again() if fate == "the night again" else night.start_trial())
        self.states += [night.place.api.ended(run)["state_name"] for run in started]
        return len(started)

    def _kill(self, moment):
        end = time.monotonic() + 60
        while not (found := self.night.workers()) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(moment)
        self.night.processes += found
        for process in self.night.workers():
            process.kill()

    def measure(self):
        """Keep how many changes there were, and how many files and bytes of bookkeeping."""
        files = self.night.corpus.files
        root = f"{self.night.corpus.layout.root}/"
        keys = [
            key for key in files.walk("corpora") if key.removeprefix(root).split("/")[0] not in ("exports", "reports")
        ]
        self.sizes.append((self.changes, len(keys), sum(files.size(key) for key in keys)))

    def published(self):
        """Return the published documents, text by id."""
        corpus = self.night.corpus
        rows = corpus.snapshot(corpus.find_release("published").snapshot).scan().select("doc_id", "text").collect()
        return dict(zip(rows["doc_id"].to_list(), rows["text"].to_list(), strict=True))


@pytest.fixture
def soak(place, tmp_path, seed, texts):
    """The corpus, in which the first night is published."""
    place.deployed.put(unbegun_runs(timedelta(seconds=60)))  # ten minutes would wait through most of the soak
    chance = random.Random(seed)
    documents = {f"d-{number:02d}": texts[number] for number in range(BEGUN)}
    config = write_config(tmp_path / "night", tmp_path / "store", place.url, documents)
    carry(load(config))
    return Soak(Night(place, config, chance), documents)


def handles(night):
    """Return how many files and sockets each process has open that outlives a run."""
    lasting = (os.getpid(), night.place.worker.process.pid, night.place.server.process.pid)
    return [psutil.Process(process).num_fds() for process in lasting]


def grown(sizes, which):
    """Return how much a size grew for each change, in the first half of the changes and in the second."""
    first, last = sizes[0], sizes[-1]
    middle = min(sizes, key=lambda size: abs(size[0] - (first[0] + last[0]) / 2))
    return [(b[which] - a[which]) / (b[0] - a[0]) for a, b in ((first, middle), (middle, last))]


def test_after_hundreds_of_nights_what_is_published_is_what_there_is_and_nothing_is_left_over(
    soak, texts, tmp_path, request
):
    night, runs = soak.night, 0
    soak.measure()
    before = handles(night)
    while runs < RUNS:
        soak.change(texts)
        runs += soak.run(night.chance.choices(list(FATES), FATES.values())[0])
        if runs % 10 == 0:
            night.check_sound()
        soak.measure()
    last = night.place.api.run(NIGHTLY, config=str(night.config))
    assert last["state_name"] == "Completed", last["state"]

    assert soak.published() == soak.documents
    model = load(write_config(tmp_path / "model", tmp_path / "model" / "store", night.place.url, soak.documents))
    carry(model)
    assert night.published() == Night(night.place, tmp_path / "model" / "sphering.toml", night.chance).published()
    night.check_sound()
    night.check_nothing_is_left()
    assert {"Completed", "Crashed"} <= set(soak.states)
    said = (
        f"{runs} runs, {dict(Counter(soak.states))}, changes, files, bytes: {soak.sizes[:: -(-len(soak.sizes) // 8)]}"
    )
    request.node.add_report_section("call", "soak", said)
    for which in (1, 2):
        begun, ended = grown(soak.sizes, which)
        assert ended <= 1.5 * begun, soak.sizes
    assert max(now - then for then, now in zip(before, handles(night), strict=True)) <= 20
