"""Static embeddings: models that are a table of token vectors, as model2vec makes them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder, resolve_backend
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.resolve import locate
from sphering.errors import ModelError


@pytest.fixture(scope="module")
def folder(tmp_path_factory, needs):
    """A table of random vectors behind the default model's tokenizer, then normalised."""
    needs("torch")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, StaticEmbedding
    from tokenizers import Tokenizer

    place = tmp_path_factory.mktemp("static") / "model"
    tokenizer = Tokenizer.from_file(str(locate(SentenceTransformersConfig()).folder / "tokenizer.json"))
    tokenizer.no_truncation()
    table = np.random.default_rng(3).normal(size=(tokenizer.get_vocab_size(), 24)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table), Normalize()]).save(str(place))
    return place


@pytest.fixture(scope="module")
def static(folder):
    config = SentenceTransformersConfig(model=str(folder))
    return open_encoder(identify(config, "torch"), config)


def test_the_vectors_are_those_of_sentence_transformers(folder, static):
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(folder), device="cpu").encode(list(PROBE_TEXTS), show_progress_bar=False)
    assert np.abs(static.encode(PROBE_TEXTS).vectors - expected).max() < 1e-6


def test_a_vector_does_not_depend_on_its_batch(static, monkeypatch):
    whole = static.encode(PROBE_TEXTS).vectors
    one_by_one = np.concatenate([static.encode([text]).vectors for text in PROBE_TEXTS])
    assert one_by_one.tobytes() == whole.tobytes()
    backwards = static.encode(PROBE_TEXTS[::-1]).vectors[::-1]
    assert backwards.tobytes() == whole.tobytes()


def test_nothing_is_cut_off_and_no_special_token_is_counted(static):
    long = "one two three " * 5000
    found = static.encode(["hello", long])
    assert found.n_tokens.tolist() == [1, 15_000]
    assert not found.truncated.any()
    assert static.max_length is None


def test_a_text_without_a_token_has_no_direction_and_is_left_to_the_quarantine(static):
    assert not static.encode([" "]).vectors.any()


def test_pytorch_runs_them_and_the_reason_is_said(folder, needs):
    needs("openvino")
    found = resolve_backend(SentenceTransformersConfig(model=str(folder)))
    assert found.backend == "torch"
    assert "StaticEmbedding" in found.reason


@pytest.mark.parametrize("setting", [{"max_length": 10}, {"pooling": "cls"}])
def test_settings_that_decide_nothing_for_a_table_are_refused(folder, setting):
    with pytest.raises(ModelError, match=f"does not take {next(iter(setting))}"):
        identify(SentenceTransformersConfig(model=str(folder), **setting), "torch")


def test_openvino_is_refused_with_what_runs_such_a_model(folder, needs):
    needs("openvino")
    with pytest.raises(ModelError, match="begins with StaticEmbedding") as refusal:
        resolve_backend(SentenceTransformersConfig(model=str(folder), backend="openvino"))
    assert 'backend = "torch"' in str(refusal.value.remedy)


def test_each_file_is_part_of_the_identity(folder):
    before = identify(SentenceTransformersConfig(model=str(folder)), "torch")
    assert {name.rsplit("/", 1)[-1] for name in before.document["files"]} >= {"model.safetensors", "tokenizer.json"}
    modules = json.loads((folder / "modules.json").read_text())
    assert before.document["files"].keys() >= {"modules.json"}
    assert modules[0]["type"].endswith("StaticEmbedding")


def test_unknown_tokens_are_those_of_the_tokenizers_own_kind(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("hello", -1.0), ("None", -1.0)], unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    table = np.random.default_rng(3).normal(size=(3, 8)).astype(np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)]).save(str(tmp_path / "model"))
    config = SentenceTransformersConfig(model=str(tmp_path / "model"))
    encoder = open_encoder(identify(config, "torch"), config)
    assert encoder.encode(["hello None", "zzz hello"]).n_unknown.tolist() == [0, 1]


def test_a_device_that_is_not_here_is_refused(folder):
    config = SentenceTransformersConfig(model=str(folder), device="cuda:7", backend="torch")
    with pytest.raises(ModelError, match="the device 'cuda:7' is not here"):
        open_encoder(identify(config, "torch"), config)
