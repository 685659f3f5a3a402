"""A run that is killed leaves a whole store, and the next one redoes at most the unit it was in."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from sphering.maintenance.verify import verify
from sphering.store.store import Store

DRIVER = Path(__file__).parents[1] / "nights.py"


def toml_of(config, path):
    rows = [
        f"corpus = {config.corpus!r}",
        f"store = {config.store!r}",
        "[source]",
        f"path = {config.source.path!r}",
        "[encoder]",
        "backend = 'torch'",
        "[transform]",
        "kind = 'none'",
        "[[export]]",
        "name = 'matrix'",
        "format = 'npy'",
        "[run]",
        f"unit_rows = {config.run.unit_rows}",
    ]
    path.write_text("\n".join(rows))
    assert tomllib.loads(path.read_text())
    return path


def wait_for_shards(folder, count, process):
    deadline = time.monotonic() + 180
    while len([path for path in folder.glob("*/*.parquet") if path.name != "probe.parquet"]) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_run_resumes_and_ends_as_an_undisturbed_one(run, corpus, questions, tmp_path):
    questions = questions[:80]
    config = corpus(questions, run={"unit_rows": 8})
    file = toml_of(config, tmp_path / "sphering.toml")
    process = subprocess.Popen([sys.executable, str(DRIVER), str(file)], stderr=subprocess.PIPE, text=True)
    wait_for_shards(Path(config.store) / "corpora" / "questions" / "shards", 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    store = Store.open(Path(config.store)).corpus("questions")
    shards = len(
        [
            name
            for name in store.files.children(f"{store.layout.root}/shards/{encoder_of(store)}")
            if name != "probe.parquet"
        ]
    )
    assert verify(store).sound
    assert store.run_records() == []

    resumed = run(config)
    undisturbed = run(corpus(questions, store="undisturbed", run={"unit_rows": 8}))
    assert resumed["encoded"] <= len(questions) - shards * 8 + 8
    assert resumed["snapshot"] == undisturbed["snapshot"]
    assert resumed["release"] == undisturbed["release"]
    assert not list((Path(config.store) / "corpora" / "questions" / "scratch").iterdir())
    assert not list(Path(config.store).rglob("*.tmp"))
    assert verify(store).sound


def encoder_of(store):
    return store.files.children(f"{store.layout.root}/shards")[0]


def test_texts_of_a_killed_run_are_found_though_the_unit_size_changed(run, corpus, questions, tmp_path):
    config = corpus(questions, run={"unit_rows": 8})
    file = toml_of(config, tmp_path / "sphering.toml")
    process = subprocess.Popen([sys.executable, str(DRIVER), str(file)], stderr=subprocess.PIPE, text=True)
    wait_for_shards(Path(config.store) / "corpora" / "questions" / "shards", 2, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    resumed = run(corpus(questions, run={"unit_rows": 50}))
    assert resumed["encoded"] <= len(questions) - 16
