"""Recall, counted by score."""

from __future__ import annotations

import numpy as np
import pytest

from sphering.export.formats.faiss.build import open_factory, put_chain
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.rows import Rows
from sphering.export.recall.measure import interval
from sphering.export.recall.truth import Truth


def found_by(rows, order, queries, k=10):
    """Return what an exact index finds whose ties come in another order, as another exact library's do."""
    scores = queries @ rows[order].T
    return order[np.argsort(-scores, axis=1)[:, :k]]


@pytest.fixture(scope="module")
def plain(bank_snapshot, fitted, tmp_path_factory):
    transform = fitted(bank_snapshot, "none")
    return transform, make_matrix(bank_snapshot, transform, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def truth(bank, plain):
    transform, matrix = plain
    raw = bank.vectors[:300]
    return Truth.of(Rows(matrix), raw, transform.apply(raw))


def test_an_exact_index_has_recall_one_although_the_corpus_has_duplicates(plain, truth):
    transform, matrix = plain
    index = put_chain(open_factory("Flat", matrix.d), transform)
    index.index.add(np.ascontiguousarray(matrix.vectors()))
    index.ntotal = matrix.n
    found = index.search(truth.raw, 10)[1]
    assert truth.recalls(found, 10).tolist() == [1.0] * 300


def test_ties_in_another_order_cost_nothing(plain, truth):
    _, matrix = plain
    order = np.random.default_rng(1).permutation(matrix.n)
    assert truth.recalls(found_by(matrix.vectors(), order, truth.unit), 10).mean() == 1.0


def test_rows_that_an_index_does_not_return_are_misses(plain, truth):
    _, matrix = plain
    found = found_by(matrix.vectors(), np.arange(matrix.n), truth.unit)
    found[:, 5:] = -1
    assert truth.recalls(found, 10).tolist() == [0.5] * 300


def test_a_row_that_is_returned_twice_counts_once(plain, truth):
    _, matrix = plain
    found = found_by(matrix.vectors(), np.arange(matrix.n), truth.unit)
    found[:, 1:5] = found[:, :1]
    assert truth.recalls(found, 10).tolist() == [0.6] * 300


def test_a_worse_index_loses_what_it_misses(plain, truth):
    _, matrix = plain
    hidden = np.flatnonzero(np.arange(matrix.n) % 2)
    found = found_by(matrix.vectors(), hidden, truth.unit)
    exact = matrix.vectors() @ truth.unit.T
    best = np.argsort(-exact, axis=0)[:10]
    assert truth.recalls(found, 10).mean() == pytest.approx(np.isin(best, hidden).mean(), abs=0.02)


def test_more_candidates_scored_again_find_more(plain, truth):
    _, matrix = plain
    coarse = np.round(matrix.vectors() * 4)
    found = found_by(coarse, np.arange(matrix.n), truth.unit, k=100)
    assert truth.recalls(found[:, :10], 10).mean() < truth.recalls(found, 10).mean()


def test_the_truth_of_a_probe_is_of_the_rows_that_it_holds(plain, bank):
    transform, matrix = plain
    kept = np.arange(matrix.n) % 3 > 0
    raw = bank.vectors[:40]
    truth = Truth.of(Rows(matrix, kept=kept), raw, transform.apply(raw))
    scores = np.sort(matrix.vectors()[kept] @ truth.unit.T, axis=0)[::-1][:100].T
    assert np.abs(scores - truth.scores).max() < 1e-6
    found = found_by(matrix.vectors()[kept], np.arange(kept.sum()), truth.unit)
    assert truth.recalls(found, 10).mean() == 1.0


def test_the_interval_covers_the_mean_and_is_seeded():
    shares = np.random.default_rng(0).binomial(10, 0.95, size=1000) / 10
    low, high = interval(shares)
    assert low < shares.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(1000), rel=0.15)
    assert interval(shares) == (low, high)


def test_a_perfect_recall_still_has_an_interval():
    assert interval(np.ones(300)) == (0.99, 1.0)
