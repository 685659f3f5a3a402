"""Items, their numbers under a map and the statistic of any resample, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sphering.evaluation.supervision import of_labels, of_matches, of_pairs


def _unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def _drawn(rows, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, 8)).astype(np.float32)


def _hashes(items):
    return tuple((bytes([item % 256]) * 32,) for item in range(items))


def test_pairs_are_judged_by_the_rank_correlation_of_any_resample():
    first, second, scores = _drawn(50), _drawn(50, 1), np.arange(50.0) % 7
    found = of_pairs(first, second, scores, _hashes(50))
    outcome = found.outcome(_unit)
    rows = np.random.default_rng(2).integers(0, 50, 50)
    cosines = (_unit(first).astype(float) * _unit(second)).sum(axis=1)
    assert outcome.statistic(rows) == pytest.approx(stats.spearmanr(cosines[rows], scores[rows]).statistic, abs=1e-12)
    assert (found.items, found.metric) == (50, "spearman")


def test_queries_are_judged_by_the_reciprocal_rank_of_the_best_relevant_candidate():
    queries, candidates = _drawn(300), _drawn(40, 1)
    relevant = np.random.default_rng(2).random((300, 40)) < 0.05
    relevant[:, 0] |= ~relevant.any(axis=1)
    found = of_matches("queries", queries, candidates, relevant, _hashes(300)).values(_unit)
    expected = []
    for query, mine in zip(_unit(queries), relevant, strict=True):
        order = np.argsort(-(_unit(candidates) @ query))
        others = 0
        for row in order:
            if mine[row]:
                break
            others += 1
        expected.append(1 / (1 + others) if others < 10 else 0.0)
    assert found == pytest.approx(np.array(expected))


def test_a_map_that_makes_everything_alike_finds_nothing():
    def collapsed(vectors):
        return np.ones((len(vectors), 1), np.float32)

    relevant = np.eye(40, dtype=bool)
    assert of_matches("halves", _drawn(40), _drawn(40), relevant, _hashes(40)).values(collapsed).max() == 0.0
    assert of_pairs(_drawn(9), _drawn(9), np.arange(9.0), _hashes(9)).outcome(collapsed).statistic(np.arange(9)) == 0.0


def test_labels_are_judged_by_the_nearest_other_text():
    vectors, labels = _drawn(70), np.arange(70) % 3
    found = of_labels(vectors, labels, _hashes(70)).values(_unit)
    cosines = _unit(vectors).astype(float) @ _unit(vectors).T
    np.fill_diagonal(cosines, -np.inf)
    assert np.array_equal(found, labels[cosines.argmax(axis=1)] == labels)


def test_the_items_of_a_fold_have_the_numbers_that_they_have_among_all():
    rows = np.array([3, 29, 11])
    of_all = [
        of_pairs(_drawn(30), _drawn(30, 1), np.arange(30.0), _hashes(30)),
        of_matches("halves", _drawn(30), _drawn(30, 1), np.eye(30, dtype=bool), _hashes(30)),
        of_labels(_drawn(30), np.arange(30) % 2, _hashes(30)),
    ]
    for supervision in of_all:
        assert np.array_equal(supervision.values(_unit)[rows], supervision.values(_unit, rows)), supervision.kind
