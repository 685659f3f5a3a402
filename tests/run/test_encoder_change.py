"""A model whose files changed under the same name is another encoder: its vectors never mix, and the run says so."""

from __future__ import annotations

import shutil

import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.probe import read_probe, write_probe
from sphering.encoder.resolve import locate
from sphering.errors import IdentityError, ProbeError
from sphering.run.encoder_change import change_words
from sphering.run.plan import plan
from sphering.run.search import search
from sphering.store.store import Store


def test_weights_that_changed_under_the_same_name_are_said_and_no_vector_is_reused(corpus, run, questions, tmp_path):
    model = shutil.copytree(locate(SentenceTransformersConfig()).folder, tmp_path / "model")
    config = corpus(questions[:40], encoder={"backend": "torch", "model": str(model)})
    first = run(config)
    assert first["encoder_change"] is None
    with (model / "model.safetensors").open("r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"\x00\x00\x00\x3f")
    (warning,) = plan(config)["warnings"]
    assert "differ in files.model.safetensors" in warning
    second = run(config)
    assert (second["encoded"], second["reused"]) == (40, 0)
    assert second["encoder_change"]["before"] == first["encoder"]
    assert change_words(second["encoder_change"]) == warning
    store = Store.open(config.store).corpus("questions")
    for result in (first, second):
        assert store.manifest(result["snapshot"]).encoder == result["encoder"]


def test_a_run_with_the_encoder_of_its_base_says_nothing(copied_nights, corpus, run, questions):
    copied_nights(40)
    again = run(corpus(questions[:41]))
    assert again["encoder_change"] is None
    assert again["encoded"] == 1


def test_a_search_with_other_weights_is_refused_with_what_differs(corpus, run, questions, tmp_path):
    model = shutil.copytree(locate(SentenceTransformersConfig()).folder, tmp_path / "model")
    config = corpus(questions[:40], encoder={"backend": "torch", "model": str(model)})
    result = run(config)
    store = Store.open(config.store).corpus("questions")
    assert search(store, result["release"], questions[3][1], 1)["hits"][0]["doc_id"] == questions[3][0]
    with (model / "model.safetensors").open("r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"\x00\x00\x00\x3f")
    with pytest.raises(IdentityError, match=r"differ in files\.model\.safetensors"):
        search(store, result["release"], "a question", 1)


def test_a_search_with_an_encoder_that_gives_other_vectors_is_refused(copied_nights, corpus, questions):
    config, (result,) = copied_nights(40)
    store = Store.open(config.store).corpus("questions")
    key = store.layout.probe(result["encoder"])
    stored = read_probe(store.files.read(key))
    store.files.replace(key, write_probe(stored.vectors[::-1].copy(), stored.encoder, stored.profile))
    with pytest.raises(ProbeError, match="no longer gives the vectors of its first use"):
        search(store, result["release"], "a question", 1)
