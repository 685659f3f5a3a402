"""Recall, counted by score."""

from __future__ import annotations

import numpy as np
import pytest

from sphering.export.index_build import open_factory, put_chain
from sphering.export.recall import _Base, interval, recalls


class _Shuffled:
    """An exact index whose ties come in another order, as another exact library's do."""

    def __init__(self, rows, order):
        self.rows, self.order = rows[order], order

    def search(self, queries, k):
        scores = queries @ self.rows.T
        best = np.argsort(-scores, axis=1)[:, :k]
        return np.take_along_axis(scores, best, axis=1), self.order[best]


@pytest.fixture(scope="module")
def plain(bank_snapshot, fitted, tmp_path_factory):
    from sphering.export.assemble import make_matrix

    transform = fitted(bank_snapshot, "none")
    return transform, make_matrix(bank_snapshot, transform, tmp_path_factory.mktemp("plain"))


def test_an_exact_index_has_recall_one_although_the_corpus_has_duplicates(bank, plain):
    transform, matrix = plain
    index = put_chain(open_factory("Flat", matrix.d), transform)
    index.add(np.ascontiguousarray(matrix.vectors()))
    raw = bank.vectors[:300]
    assert recalls(index, _Base(matrix), raw, transform.apply(raw)).tolist() == [1.0] * 300


def test_ties_in_another_order_cost_nothing(bank, plain):
    transform, matrix = plain
    order = np.random.default_rng(1).permutation(matrix.n)
    unit = transform.apply(bank.vectors[:200])
    assert recalls(_Shuffled(matrix.vectors(), order), _Base(matrix), unit, unit).mean() == 1.0


def test_rows_that_an_index_does_not_return_are_misses(bank, plain):
    transform, matrix = plain

    class Half(_Shuffled):
        def search(self, queries, k):
            scores, ids = super().search(queries, k)
            ids[:, k // 2 :] = -1
            return scores, ids

    unit = transform.apply(bank.vectors[:50])
    assert recalls(Half(matrix.vectors(), np.arange(matrix.n)), _Base(matrix), unit, unit).tolist() == [0.5] * 50


def test_a_worse_index_loses_what_it_misses(bank, plain):
    transform, matrix = plain
    unit = transform.apply(bank.vectors[100:200])
    hidden = np.flatnonzero(np.arange(matrix.n) % 2)
    found = recalls(_Shuffled(matrix.vectors(), hidden), _Base(matrix), unit, unit)
    exact = matrix.vectors() @ unit.T
    truth = np.argsort(-exact, axis=0)[:10]
    assert found.mean() == pytest.approx(np.isin(truth, hidden).mean(), abs=0.02)


def test_the_interval_covers_the_mean_and_is_seeded():
    shares = np.random.default_rng(0).binomial(10, 0.95, size=1000) / 10
    low, high = interval(shares)
    assert low < shares.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(1000), rel=0.15)
    assert interval(shares) == (low, high)


def test_a_perfect_recall_still_has_an_interval():
    assert interval(np.ones(300)) == (0.99, 1.0)
