"""`sphering bundle`: the query side of the published release, swapped in whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import carry, small
from typer.testing import CliRunner

from sphering.bundle.folder import holds
from sphering.cli.app import app
from sphering.config.encoder import SentenceTransformersConfig
from sphering.door import open_store
from sphering.encoder.parity import compare
from sphering.encoder.resolve import locate
from sphering.run.fit import read_transform
from sphering.store.store import Store


@pytest.fixture(scope="module")
def released(questions, tmp_path_factory):
    """A store with one published release of a centred corpus, whose model is a folder."""
    folder = tmp_path_factory.mktemp("released")
    shutil.copytree(locate(SentenceTransformersConfig()).folder, folder / "model")
    encoder = {"backend": "torch", "model": str(folder / "model"), "query_prompt": "query: "}
    carry(small(folder, questions[:60], encoder=encoder, transform={"kind": "center"}))
    return folder


@pytest.fixture(scope="module")
def made(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "side"
    return folder, _json("bundle", folder, "--store", released / "store")


def _ask(*arguments, code=0):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    return result


def _json(*arguments):
    return json.loads(_ask(*arguments, "--json").stdout)


def test_it_writes_the_query_side_of_the_published_release(released, made):
    folder, said = made
    release = Store.open(released / "store").corpus("questions").find_release("published")
    assert (said["status"], said["release"], said["selector"]) == ("made", release.id, "main/published")
    assert said["bundle"]["id"] == release.bundle
    assert said["bundle"] == json.loads((folder / "bundle.json").read_bytes())
    assert [path.name for path in folder.parent.iterdir()] == ["side"]


def test_plain_sentence_transformers_gives_what_the_door_gives(released, made):
    from sentence_transformers import SentenceTransformer

    asked = ["Where is my card?", "Why was I charged twice?"]
    expected = open_store(released / "store").corpus("questions").release().bundle().encode(asked)
    found = SentenceTransformer(str(made[0]), device="cpu").encode(asked)
    assert compare(found, expected).min_cosine >= 1 - 1e-6


def test_with_if_changed_a_folder_that_has_it_is_left_alone(released, made):
    before = (made[0] / "bundle.json").stat().st_ino
    again = _ask("bundle", made[0], "--if-changed", "--store", released / "store")
    assert again.stdout.startswith("unchanged: bundle ")
    assert "least cosine to the pipeline 0.99999" in again.stdout or "pipeline 1.000000000" in again.stdout
    assert "main/published is release" in again.stderr
    assert (made[0] / "bundle.json").stat().st_ino == before


def test_a_folder_in_which_a_byte_changed_does_not_hold_the_bundle(made, tmp_path):
    target, bundle = tmp_path / "side", made[1]["bundle"]["id"]
    shutil.copytree(made[0], target)
    assert holds(target, bundle)
    data = bytearray((target / "transform.faiss").read_bytes())
    data[-1] ^= 1
    (target / "transform.faiss").write_bytes(data)
    assert not holds(target, bundle)


def test_a_folder_that_it_did_not_make_is_never_replaced(released, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    refused = _ask("bundle", tmp_path, "--store", released / "store", code=2)
    assert "was not made by `sphering bundle`" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_another_model_makes_no_bundle_and_the_old_one_stays(released, made, tmp_path):
    target, own = tmp_path / "side", released / "model" / "sentence_bert_config.json"
    shutil.copytree(made[0], target)
    before = own.read_bytes()
    own.write_text(json.dumps({**json.loads(before), "max_seq_length": 64}), encoding="utf-8")
    try:
        refused = _ask("bundle", target, "--store", released / "store", code=2)
    finally:
        own.write_bytes(before)
    assert "they differ in files" in refused.stderr
    assert (target / "bundle.json").read_bytes() == (made[0] / "bundle.json").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["side"]


def test_vectors_from_elsewhere_get_the_transform_alone_and_nothing_is_asked_of_their_file(tmp_path):
    rng = np.random.default_rng(0)
    texts = [f"document {number}" for number in range(40)]
    vectors = (rng.standard_normal((40, 8)) + 1).astype(np.float32)
    column = pa.FixedSizeListArray.from_arrays(vectors.ravel(), 8)
    pq.write_table(pa.table({"text": texts, "embedding": column}), tmp_path / "vectors.parquet")
    encoder = {"kind": "precomputed", "identity": "ours-1", "vectors": str(tmp_path / "vectors.parquet")}
    rows = [(str(number), text) for number, text in enumerate(texts)]
    carry(small(tmp_path, rows, encoder=encoder, transform={"kind": "whiten"}))
    (tmp_path / "vectors.parquet").unlink()
    said = _json("bundle", tmp_path / "side", "--store", tmp_path / "store")
    assert said["bundle"]["model"] is None
    names = {"apply.py", "transform.npz", "transform.faiss", "queries.faiss", "README.md", "bundle.json"}
    assert {path.name for path in (tmp_path / "side").iterdir()} == names
    np.save(tmp_path / "raw.npy", vectors)
    code = (
        "import sys, numpy as np; from apply import apply;"
        "np.save('../unit.npy', apply(np.load('../raw.npy'), encoder=sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, said["bundle"]["encoder"]]
    subprocess.run(command, cwd=tmp_path / "side", check=True)
    corpus = Store.open(tmp_path / "store").corpus("questions")
    expected = read_transform(corpus, corpus.find_release("published").transform).apply(vectors)
    assert np.abs(np.load(tmp_path / "unit.npy") - expected).max() < 1.3e-7
