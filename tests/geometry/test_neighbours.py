"""Exact neighbours against loops and faiss; ties and duplicates are treated alike under every metric."""

import numpy as np
import pytest

from sphering.errors import InputError
from sphering.geometry.neighbours import METRICS, agreement, neighbours, neighbours_before_and_after, overlap

pytestmark = pytest.mark.filterwarnings("error")


def naive(vectors, k, metric):
    wide = vectors.astype(float)
    norms = np.linalg.norm(wide, axis=1)
    result = []
    for i, row in enumerate(wide):
        scores = -np.linalg.norm(wide - row, axis=1) if metric == "euclidean" else wide @ row
        if metric == "cosine":
            scores = scores / np.where(norms > 0, norms, 1) / (norms[i] or 1)
        order = np.lexsort((np.arange(len(wide)), -np.round(scores, 9)))
        result.append(np.sort(order[order != i][:k]))
    return np.array(result)


def clouds():
    generator = np.random.default_rng(0)
    plain = generator.standard_normal((300, 6)).astype(np.float32)
    base = plain[:60] / np.linalg.norm(plain[:60], axis=1)[:, None]
    zeros = plain.copy()
    zeros[[3, 200]] = 0.0
    return {
        "shifted": plain + 1.0,
        "of unit norm": plain / np.linalg.norm(plain, axis=1)[:, None],
        "of very different norms": plain * np.exp(generator.normal(0, 2, (300, 1))).astype(np.float32),
        "mostly opposed": np.concatenate([plain[:150], -plain[:150]]),
        "with zeros": zeros,
        "six of each": np.repeat(base, 6, axis=0),
        "a hundred of each": np.repeat(base[:3], 100, axis=0),
        "few": plain[:40],
    }


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", clouds())
def test_neighbours_are_those_of_the_loop(name, metric):
    vectors = clouds()[name]
    for k in (1, 7, 30):
        assert np.array_equal(neighbours(vectors, k)[metric], naive(vectors, k, metric)), k


@pytest.mark.parametrize("name", clouds())
def test_neighbours_with_norm_1_are_those_of_the_loop_over_unit_vectors(name):
    vectors = clouds()[name]
    norms = np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    before, after = neighbours_before_and_after(vectors, 7)
    for metric in METRICS:
        assert np.array_equal(before[metric], naive(vectors, 7, metric))
        assert np.array_equal(after[metric], naive(vectors / np.where(norms > 0, norms, 1), 7, metric))


def test_neighbours_are_those_of_faiss():
    import faiss

    vectors = np.random.default_rng(1).standard_normal((3000, 48)).astype(np.float32)
    _, ids = faiss.knn(vectors, vectors, 11, metric=faiss.METRIC_L2)
    found = neighbours(vectors, 10, ["euclidean"])
    assert list(found) == ["euclidean"]
    assert overlap(found["euclidean"], ids[:, 1:]) > 0.9999


@pytest.mark.parametrize("metric", METRICS)
def test_duplicates_are_neighbours_and_a_row_itself_is_not(metric):
    found = neighbours(clouds()["six of each"], 3)[metric]
    own = np.arange(360)[:, None]
    assert not (found == own).any()
    assert (found // 6 == own // 6).all()


def test_overlap_is_the_mean_share_of_common_neighbours():
    left = np.array([[1, 2, 3], [0, 2, 3]])
    right = np.array([[3, 2, 9], [5, 6, 7]])
    assert overlap(left, right) == pytest.approx((2 / 3 + 0) / 2)


def test_metrics_disagree_on_raw_vectors_and_agree_on_unit_vectors():
    generator = np.random.default_rng(3)
    vectors = (generator.standard_normal((400, 12)) * generator.uniform(0.2, 5, (400, 1))).astype(np.float32)
    raw, unit = map(agreement, neighbours_before_and_after(vectors, 10))
    sets = {metric: naive(vectors, 10, metric) for metric in METRICS}
    for a, b in (("cosine", "dot_product"), ("cosine", "euclidean"), ("dot_product", "euclidean")):
        assert raw[f"{a}_{b}"].value == pytest.approx(overlap(sets[a], sets[b]), abs=1e-12)
        assert raw[f"{a}_{b}"].value < 0.9
        assert unit[f"{a}_{b}"].value == 1.0


def test_duplicates_do_not_fake_disagreement():
    base = np.random.default_rng(4).standard_normal((30, 8)).astype(np.float32)
    vectors = np.repeat(base / np.linalg.norm(base, axis=1)[:, None], 15, axis=0)
    assert agreement(neighbours(vectors, 10))["cosine_euclidean"].value == 1.0


def test_too_few_vectors_and_vectors_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="k = 5"):
        neighbours(np.ones((5, 3), np.float32), 5)
    with pytest.raises(InputError, match="row 1"):
        neighbours(np.array([[1.0], [np.nan], [2.0]]), 1)


def test_zero_and_constant_vectors_raise_no_warning():
    zeros = np.zeros((200, 4), np.float32)
    assert agreement(neighbours(zeros, 3))["cosine_euclidean"].value == 1.0
    assert agreement(neighbours(np.ones((20, 4), np.float16), 3))["cosine_dot_product"].value == 1.0
