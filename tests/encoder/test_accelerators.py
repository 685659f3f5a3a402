"""On a GPU: the same bits in every batch, close to the CPU's, and smaller batches where memory does not do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import Encoder, identify, open_encoder, profile, resolve_backend
from sphering.encoder.parity import compare
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.sentence_transformers.encoder import SentenceTransformerEncoder, load_pipeline
from sphering.errors import ModelError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU is here")

LEAST_COSINE = {"float32": 0.999999, "float16": 0.9999, "bfloat16": 0.999}
TEXTS = (*PROBE_TEXTS, *(" ".join(PROBE_TEXTS[:count])[: 40 * count] for count in range(1, 40)))
few = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def config(precision: str = "bfloat16", **other: object) -> SentenceTransformersConfig:
    return SentenceTransformersConfig(backend="torch", device="cuda", precision=precision, **other)


def opened(wish: SentenceTransformersConfig) -> Encoder:
    return open_encoder(identify(wish, "torch"), wish)


def loaded_anew(wish: SentenceTransformersConfig) -> SentenceTransformerEncoder:
    identity = identify(wish, "torch")
    return SentenceTransformerEncoder(identity, load_pipeline(identity, wish), wish)


@pytest.fixture(scope="module", params=list(LEAST_COSINE))
def precision(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def encoder(precision: str) -> Encoder:
    return opened(config(precision))


@pytest.fixture(scope="module")
def on_the_cpu() -> Encoder:
    return opened(SentenceTransformersConfig(backend="torch", device="cpu"))


@few
@given(rows=st.lists(st.integers(0, len(TEXTS) - 1), min_size=1, max_size=60))
def test_any_subset_in_any_order_has_the_same_bits(encoder, rows):
    whole = encoder.encode(TEXTS).vectors
    assert encoder.encode([TEXTS[row] for row in rows]).vectors.tobytes() == whole[rows].tobytes()


def test_a_model_loaded_again_gives_the_same_bits(encoder, precision):
    again = loaded_anew(config(precision))
    assert again.encode(TEXTS).vectors.tobytes() == encoder.encode(TEXTS).vectors.tobytes()


def test_vectors_are_those_of_the_cpu_within_what_the_precision_allows(encoder, precision, on_the_cpu):
    found = compare(encoder.encode(TEXTS).vectors, on_the_cpu.encode(TEXTS).vectors)
    assert LEAST_COSINE[precision] <= found.min_cosine <= 1.0000001


def test_the_compute_profile_names_the_gpu(encoder):
    found = profile(encoder)
    assert torch.cuda.get_device_name(0) in str(found)
    assert found != profile(opened(SentenceTransformersConfig(backend="torch", device="cpu")))


def test_a_gpu_that_is_here_is_taken_by_itself():
    found = resolve_backend(SentenceTransformersConfig())
    assert (found.backend, found.reason) == ("torch", "an accelerator is here")


@pytest.fixture
def little_memory() -> Iterator[None]:
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(0) + (400 << 20)) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def memory_that_is_left() -> Iterator[torch.Tensor]:
    with suppress(torch.OutOfMemoryError):
        while True:
            yield torch.empty(1 << 18, dtype=torch.uint8, device="cuda")


def test_too_little_memory_makes_batches_smaller_and_the_vectors_are_right(on_the_cpu, little_memory):
    small = loaded_anew(config("float32"))
    small.pipeline.shapes = replace(small.pipeline.shapes, budget=1 << 20)
    found = small.encode(TEXTS).vectors
    assert small.batch_tokens < 1 << 20
    assert np.abs(found - on_the_cpu.encode(TEXTS).vectors).max() < 1e-5


def test_memory_that_does_not_do_for_the_smallest_batch_is_said(little_memory):
    encoder = loaded_anew(config("float32"))
    taken = list(memory_that_is_left())
    with pytest.raises(ModelError, match="memory does not do"):
        encoder.encode(TEXTS)
    assert taken
