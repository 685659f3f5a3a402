"""Odd texts get a right vector: that of sentence-transformers, whatever stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.sentence_transformers.loading import load_model
from sphering.errors import ModelError

ODD = [
    "a",
    ".",
    "字",
    "\u0301",
    "🙂",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇻🇳",
    "שלום עולם, מה שלומך היום?",
    "مرحبا بالعالم",
    "\u202eabc\u202c",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "tab\tand\r\nnew lines\n\n\n",
    "x" * 400_000,
    "one two three four " * 21_000,
]
LEAST = {"float32": 0.999999, "bfloat16": 0.999, "int8": 0.99}


@pytest.fixture(scope="module")
def expected(torch_encoder):
    model = load_model(Path(torch_encoder.identity.place), remote_code=False)
    return model.encode(ODD, show_progress_bar=False).astype(np.float64)


@pytest.fixture(scope="module")
def found(precise):
    """The odd texts encoded in one call."""
    return precise.encode(ODD)


def test_odd_texts_have_the_vectors_of_sentence_transformers(precise, found, expected):
    cosines = (found.vectors.astype(np.float64) * expected).sum(axis=1)
    assert cosines.min() >= LEAST[precise.identity.document["precision"]]
    assert found.truncated.tolist() == [False] * 12 + [True]


def test_an_odd_text_has_the_same_bits_alone(precise, found):
    alone = np.concatenate([precise.encode([text]).vectors for text in ODD])
    assert alone.tobytes() == found.vectors.tobytes()


def test_a_text_of_one_long_word_is_one_unknown_token(precise):
    assert precise.encode(["x" * 2_000_000]).n_unknown.tolist() == [1]


def test_no_text_gives_no_row_and_asks_nothing_of_the_network(precise):
    found = precise.encode([])
    assert found.vectors.shape == (0, 384)
    assert found.n_tokens.size == found.truncated.size == 0


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_pytorch_on_a_cpu_refuses_what_it_does_not_compute_in(torch_encoder, precision):
    config = SentenceTransformersConfig(backend="torch", precision=precision, device="cpu")
    with pytest.raises(ModelError, match=f"PyTorch does not compute in {precision} here"):
        open_encoder(identify(config, "torch"), config)


def test_a_device_that_is_not_here_is_refused_with_those_that_are(torch_encoder):
    config = SentenceTransformersConfig(backend="torch", device="cuda:7", max_length=100)
    with pytest.raises(ModelError, match="the device 'cuda:7' is not here") as refusal:
        open_encoder(identify(config, "torch"), config)
    assert "auto, cpu" in str(refusal.value.expected)


def test_openvino_refuses_a_precision_that_this_cpu_does_not_have(needs):
    needs("openvino")
    from sphering.encoder.sentence_transformers.openvino import capabilities

    if "FP16" in capabilities():
        pytest.skip("this CPU has float16")
    config = SentenceTransformersConfig(backend="openvino", precision="float16")
    with pytest.raises(ModelError, match="this CPU does not compute in float16"):
        open_encoder(identify(config, "openvino"), config)
