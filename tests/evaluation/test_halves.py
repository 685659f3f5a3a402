"""Halves of texts over nights: which texts, what is encoded, and what they measure."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa
import pytest

from sphering.evaluation.halves import Halves, smallest_halves
from sphering.evaluation.kind import Ground
from sphering.evaluation.retrieval import METRICS
from sphering.text.sentences import halves


def _hash(text):
    return hashlib.sha256(text.encode()).digest()


def _parts(texts, parts):
    """Return texts as shards: each in the order of hashes."""
    batches = []
    for part in range(parts):
        own = sorted(texts[part::parts], key=_hash)
        columns = {"text_hash": pa.array(map(_hash, own), pa.binary(32)), "text": own}
        batches.append(pa.table(columns).to_batches(max_chunksize=7))
    return lambda: batches


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_the_texts_of_smallest_hash_are_cut_however_they_are_stored(parts):
    texts = [f"Sentence {row}. Another one." if row % 3 else f"only one {row}" for row in range(200)]
    texts += texts[:50]
    found = smallest_halves(_parts(texts, parts), 30)
    expected = sorted((_hash(text), pair) for text in set(texts) if (pair := halves(text)))[:30]
    assert found == expected
    assert smallest_halves(_parts(texts, parts), 10_000)[:30] == expected


def test_of_a_corpus_in_many_shards_few_texts_are_read():
    texts = [f"Sentence {row}. Another one." for row in range(20_000)]
    read = []

    def counted():
        for part in _parts(texts, 40)():
            yield (read.append(len(batch)) or batch for batch in part)

    smallest_halves(counted, 20)
    assert sum(read) < 1_000


def _drawn(n=60, noise=0.7, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((n, 8)).astype(np.float32)
    queries = (targets + noise * rng.standard_normal((n, 8))).astype(np.float32)
    return Halves(queries, targets, np.arange(n), tuple((bytes([row] * 32),) for row in range(n)), 0)


def test_the_metrics_are_those_of_the_rank_of_the_other_half(paragraphs, identity):
    drawn = _drawn()
    found = drawn.measure(Ground(paragraphs, identity(8), 5000, 0))["raw"]
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (drawn.queries, drawn.targets)]
    cosines = unit[0] @ unit[1].T
    ranks = (cosines > np.diagonal(cosines)[:, None]).sum(axis=1) + 1
    expected = {
        "ndcg_at_10": np.mean([1 / math.log2(1 + rank) if rank <= 10 else 0 for rank in ranks]),
        "recall_at_1": np.mean(ranks == 1),
        "recall_at_10": np.mean(ranks <= 10),
        "recall_at_100": 1.0,
        "mrr_at_10": np.mean(np.where(ranks <= 10, 1 / ranks, 0)),
        "map_at_100": np.mean(1 / ranks),
    }
    assert {name: found[name]["value"] for name in METRICS} == pytest.approx(expected)
    assert found["alpha"]["value"] > 0
    assert found["info_nce"]["0.05"]["n"] == 60
    values = drawn.supervision(paragraphs, 10).values(lambda x: x / np.linalg.norm(x, axis=1, keepdims=True))
    assert values.mean() == pytest.approx(expected["mrr_at_10"])


@pytest.fixture
def identity():
    from sphering.config.model import TransformConfig
    from sphering.geometry.moments import Moments
    from sphering.transform import fit

    def make(dimension):
        moments = Moments.empty(dimension)
        moments.update(np.random.default_rng(0).standard_normal((50, dimension)).astype(np.float32))
        return fit(TransformConfig(kind="none"), moments, encoder="e", snapshot="s")

    return make


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_halves_have_numbers_with_a_reason(paragraphs, identity, n):
    found = _drawn(n).measure(Ground(paragraphs, identity(8), 5000, 0))
    for space in ("raw", "transformed"):
        for name in (*METRICS, "alpha", "entropy"):
            assert "two sentences" in found[space][name]["reason"]
    assert _drawn(n).supervision(paragraphs, 10) is None


def test_equal_second_halves_are_one_candidate():
    drawn = _drawn(4)
    same = Halves(drawn.queries, drawn.targets[:3], np.array([0, 1, 2, 2]), drawn.hashes, 0)
    assert same.supervision(None, 0).values(lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)).shape == (4,)
