"""The query side: what the corpus got, queries get, and vectors of any other encoder are refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.bundle.identity import bundle_document
from sphering.bundle.query import Bundle
from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import NormaliseConfig, TransformConfig
from sphering.differing import differing_words
from sphering.encoder import identify, open_encoder
from sphering.errors import IdentityError, InputError
from sphering.geometry.moments import Moments
from sphering.transform import fit

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = ["Where is my card?", "Why was I charged twice?"]


def _encoder(**options):
    config = SentenceTransformersConfig(backend="torch", **options)
    return open_encoder(identify(config, "torch"), config)


@pytest.fixture(scope="module")
def encoder():
    return _encoder()


@pytest.fixture(scope="module")
def vectors(encoder):
    texts = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::60]
    return encoder.encode(texts).vectors


@pytest.fixture(scope="module")
def transform(encoder, vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return fit(TransformConfig(kind="center"), moments, encoder=encoder.identity.id, snapshot="5" * 16)


@pytest.fixture(scope="module")
def bundle(encoder, transform):
    return Bundle(encoder, NormaliseConfig(), transform)


def test_queries_get_the_encoder_and_the_transform_of_the_corpus(bundle, encoder, transform):
    found = bundle.encode(QUESTIONS)
    assert np.array_equal(found, transform.apply(encoder.encode(QUESTIONS).vectors))
    assert found.dtype == np.float32
    assert np.abs(np.linalg.norm(found.astype(np.float64), axis=1) - 1).max() < 2e-7


def test_a_query_equal_to_a_document_gets_its_vector(bundle, encoder, transform):
    document = transform.apply(encoder.encode(QUESTIONS[:1]).vectors)
    assert np.array_equal(bundle.encode(QUESTIONS[:1]), document)


def test_queries_get_the_normalisation_of_the_corpus(encoder, transform):
    config = NormaliseConfig(unicode="NFKC", strip=True)
    found = Bundle(encoder, config, transform).encode(["  ﬁnd my card \n"])
    assert np.array_equal(found, transform.apply(encoder.encode(["find my card"]).vectors))


def test_queries_get_the_query_prompt(bundle, transform):
    prompted = Bundle(_encoder(query_prompt="query: "), NormaliseConfig(), transform).encode(QUESTIONS)
    assert np.array_equal(prompted, bundle.encode([f"query: {text}" for text in QUESTIONS]))


def test_raw_vectors_are_the_encoders_own(bundle, encoder):
    assert np.array_equal(bundle.encode_raw(QUESTIONS), encoder.encode(QUESTIONS).vectors)


@pytest.mark.parametrize("query", ["", " \n\t"])
def test_an_empty_query_is_refused_by_its_number(bundle, query):
    with pytest.raises(InputError, match=r"empty[\s\S]*query 2"):
        bundle.encode(["fine", query])


def test_vectors_of_another_encoder_are_refused_with_what_differs(bundle, vectors):
    other = _encoder(document_prompt="passage: ").identity
    with pytest.raises(IdentityError) as caught:
        bundle.apply(vectors, encoder=other.id)
    assert other.id in str(caught.value)
    assert bundle.encoder.identity.id in str(caught.value)
    with pytest.raises(IdentityError, match=r"document_prompt \('' and 'passage: '\)"):
        bundle.check_encoder(other.id, other.document)


def test_vectors_of_its_own_encoder_pass(bundle, vectors, transform):
    assert np.array_equal(bundle.apply(vectors, encoder=bundle.encoder.identity.id), transform.apply(vectors))


def test_a_transform_of_another_encoder_makes_no_bundle(encoder, transform):
    stranger = dataclasses.replace(transform, encoder="e" * 16)
    with pytest.raises(IdentityError, match="e" * 16):
        Bundle(encoder, NormaliseConfig(), stranger)


@pytest.mark.parametrize("shape", [(2, 383), (384,), (1, 2, 384)])
def test_vectors_of_another_shape_are_refused(bundle, shape):
    with pytest.raises(InputError, match="384"):
        bundle.apply(np.ones(shape, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused_by_their_number(bundle, vectors, bad):
    wrong = vectors[:3].copy()
    wrong[2, 5] = bad
    with pytest.raises(InputError, match=r"NaN[\s\S]*query 3"):
        bundle.apply(wrong)


def test_a_query_that_centring_makes_zero_is_refused(bundle, transform):
    with pytest.raises(InputError, match="rounding noise"):
        bundle.apply(transform.mean.astype(np.float32)[None, :])


def test_the_id_is_of_encoder_prompt_normalisation_and_transform():
    plain = NormaliseConfig()
    document = bundle_document("e", "", plain, "t")
    others = [
        bundle_document("f", "", plain, "t"),
        bundle_document("e", "query: ", plain, "t"),
        bundle_document("e", "", NormaliseConfig(strip=True), "t"),
        bundle_document("e", "", plain, "u"),
    ]
    assert len({document["id"], *(other["id"] for other in others)}) == 5
    assert document["transform_sha256"] == "t"


def test_a_difference_names_keys_and_short_values():
    assert differing_words({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": "x" * 100}) == "b (2 and 3), c"


def test_raw_vectors_that_cannot_be_of_the_encoder_are_refused_though_their_shape_fits(bundle, encoder, vectors):
    many = Moments.empty(vectors.shape[1])
    spread = np.random.default_rng(0).standard_normal((400, len(vectors))).astype(np.float32) / len(vectors) ** 0.5
    many.update(spread @ vectors)
    fitted = fit(TransformConfig(kind="center"), many, encoder=encoder.identity.id, snapshot="5" * 16)
    trusted = Bundle(encoder, NormaliseConfig(), fitted)
    assert fitted.dead == (127, 223, 319)
    trusted.apply(spread[:5] @ vectors)
    with pytest.raises(IdentityError, match="coordinate 127"):
        trusted.apply(np.roll(vectors[:1], 5, axis=1))
    with pytest.raises(IdentityError, match="length"):
        bundle.apply(vectors[:2] * np.float32(30.0))
