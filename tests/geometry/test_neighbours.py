"""Exact neighbours against loops and faiss; ties and duplicates are treated alike under every metric."""

import numpy as np
import pytest

from sphering.errors import InputError
from sphering.geometry.neighbours import METRICS, metric_agreement, neighbours, overlap

pytestmark = pytest.mark.filterwarnings("error")


def naive(vectors, k, metric):
    wide = vectors.astype(float)
    result = []
    for i, row in enumerate(wide):
        scores = -np.linalg.norm(wide - row, axis=1) if metric == "euclidean" else wide @ row
        if metric == "cosine":
            scores = scores / np.linalg.norm(wide, axis=1)
        order = sorted((j for j in range(len(wide)) if j != i), key=lambda j: (-round(scores[j], 9), j))
        result.append(order[:k])
    return np.array(result)


@pytest.mark.parametrize("metric", METRICS)
def test_neighbours_are_those_of_the_loop(metric):
    vectors = np.random.default_rng(0).standard_normal((300, 6)).astype(np.float32) + 1.0
    found = neighbours(vectors, 7, metric)
    assert np.array_equal(found.rows, naive(vectors, 7, metric))
    assert (np.diff(found.scores, axis=1) <= 0).all()
    assert not found.tied.any()


def test_neighbours_are_those_of_faiss():
    import faiss

    vectors = np.random.default_rng(1).standard_normal((3000, 48)).astype(np.float32)
    _, ids = faiss.knn(vectors, vectors, 11, metric=faiss.METRIC_L2)
    found = neighbours(vectors, 10, "euclidean")
    assert overlap(found.rows, ids[:, 1:]) > 0.9999


@pytest.mark.parametrize("metric", METRICS)
def test_duplicates_are_neighbours_a_row_itself_is_not_and_ties_are_said(metric):
    base = np.random.default_rng(2).standard_normal((40, 5)).astype(np.float32)
    base /= np.linalg.norm(base, axis=1)[:, None]
    vectors = np.repeat(base, 6, axis=0)
    found = neighbours(vectors, 3, metric)
    own = np.arange(240)[:, None]
    assert not (found.rows == own).any()
    assert (found.rows // 6 == own // 6).all()
    assert found.tied.all()
    assert np.array_equal(found.rows, naive(vectors, 3, metric))


def test_overlap_is_the_mean_share_of_common_neighbours():
    left = np.array([[1, 2, 3], [0, 2, 3]])
    right = np.array([[3, 2, 9], [5, 6, 7]])
    assert overlap(left, right) == pytest.approx((2 / 3 + 0) / 2)


def test_metrics_disagree_on_raw_vectors_and_agree_on_unit_vectors():
    generator = np.random.default_rng(3)
    vectors = (generator.standard_normal((400, 12)) * generator.uniform(0.2, 5, (400, 1))).astype(np.float32)
    found = metric_agreement(vectors, 10)
    sets = {metric: neighbours(vectors, 10, metric).rows for metric in METRICS}
    for a, b in (("cosine", "dot_product"), ("cosine", "euclidean"), ("dot_product", "euclidean")):
        assert found[f"{a}_{b}"].value == pytest.approx(overlap(sets[a], sets[b]), abs=1e-12)
        assert found[f"{a}_{b}"].value < 0.9
        assert found[f"{a}_{b}_normalised"].value == 1.0
    assert found["tied_share"].value == 0.0


def test_duplicates_do_not_fake_disagreement():
    base = np.random.default_rng(4).standard_normal((30, 8)).astype(np.float32)
    vectors = np.repeat(base / np.linalg.norm(base, axis=1)[:, None], 15, axis=0)
    found = metric_agreement(vectors, 10)
    assert found["cosine_euclidean"].value == 1.0
    assert found["tied_share"].value == 1.0


def test_too_few_vectors_have_no_overlap_and_say_why():
    found = metric_agreement(np.ones((5, 3), np.float32), 10)
    assert all(value.value is None and "5 vectors" in value.reason for value in found.values())
    with pytest.raises(InputError, match="k = 5"):
        neighbours(np.ones((5, 3), np.float32), 5, "cosine")
    with pytest.raises(InputError, match="row 1"):
        neighbours(np.array([[1.0], [np.nan], [2.0]]), 1, "cosine")


def test_zero_and_constant_vectors_raise_no_warning():
    zeros = np.zeros((20, 4), np.float32)
    assert metric_agreement(zeros, 3)["cosine_euclidean"].value == 1.0
    assert metric_agreement(np.ones((20, 4), np.float16), 3)["cosine_dot_product"].value == 1.0
