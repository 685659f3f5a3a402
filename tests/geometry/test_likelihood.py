"""P(d|q) = softmax(α cos): derivatives, the fit, entropy and divergence against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax as scipy_softmax

from sphering.geometry.cosine import bregman_divergence, negative_entropy
from sphering.geometry.likelihood import Candidates, divergence, fit_alpha, softmax, top_probability


def _drawn(queries=60, candidates=50, seed=0, signal=0.3):
    """Cosines in which the relevant candidates stand out, one or two for each query."""
    rng = np.random.default_rng(seed)
    relevant = np.zeros((queries, candidates), dtype=bool)
    relevant[np.arange(queries), rng.integers(0, candidates, queries)] = True
    relevant[np.arange(0, queries, 3), rng.integers(0, candidates, len(range(0, queries, 3)))] = True
    cosines = np.clip(rng.normal(0.1, 0.15, (queries, candidates)) + signal * relevant, -1, 1)
    return Candidates(cosines, relevant, np.zeros(candidates))


def _naive(candidates, alpha):
    return scipy_softmax(alpha * candidates.cosines + candidates.log_weights, axis=1) / np.exp(candidates.log_weights)


def _log_likelihood(candidates, alpha):
    log_p = np.log(_naive(candidates, alpha))
    return np.array([row[mine].mean() for row, mine in zip(log_p, candidates.relevant, strict=True)])


@pytest.mark.parametrize("alpha", [0.0, 1.0, 17.0, 300.0])
def test_likelihood_entropy_and_top_are_those_of_the_softmax(alpha):
    drawn = _drawn()
    found, p = softmax(drawn, alpha), _naive(drawn, alpha)
    assert found.log_likelihood == pytest.approx(_log_likelihood(drawn, alpha), abs=1e-10)
    assert found.entropy == pytest.approx(-negative_entropy(p), abs=1e-9)
    confidence, right = top_probability(drawn, alpha)
    assert confidence == pytest.approx(p.max(axis=1))
    assert np.array_equal(right, drawn.relevant[np.arange(60), drawn.cosines.argmax(axis=1)])


@pytest.mark.parametrize("alpha", [0.5, 5.0, 40.0])
def test_slope_and_curvature_are_the_derivatives_and_the_curve_is_concave(alpha):
    drawn, step = _drawn(), 1e-4
    before, at, after = (softmax(drawn, alpha + shift) for shift in (-step, 0, step))
    assert at.slope == pytest.approx((after.log_likelihood - before.log_likelihood) / (2 * step), abs=1e-7)
    assert at.curvature == pytest.approx((after.slope - before.slope) / (2 * step), abs=1e-7)
    assert (at.curvature <= 0).all()


@pytest.mark.parametrize("signal", [0.05, 0.3, 0.6])
def test_newton_finds_the_likeliest_alpha(signal):
    drawn = _drawn(signal=signal)
    found = fit_alpha(drawn)
    best = minimize_scalar(lambda alpha: -_log_likelihood(drawn, alpha).mean(), bounds=(0, 200), method="bounded")
    assert found.value == pytest.approx(best.x, rel=1e-4)
    assert abs(softmax(drawn, found.value).slope.mean()) < 1e-10
    assert found.interval[0] < found.value < found.interval[1]


def test_the_interval_of_alpha_covers_the_truth():
    rng, truth, hits = np.random.default_rng(5), 12.0, 0
    for _ in range(200):
        cosines = rng.normal(0.1, 0.15, (150, 20))
        drawn = (np.cumsum(scipy_softmax(truth * cosines, axis=1), axis=1) > rng.random((150, 1))).argmax(axis=1)
        relevant = np.arange(20) == drawn[:, None]
        low, high = fit_alpha(Candidates(cosines, relevant, np.zeros(20))).interval
        hits += low <= truth <= high
    assert hits >= 0.9 * 200  # 95 % of 200, less 3 standard errors


def test_a_weight_stands_for_so_many_equal_candidates():
    drawn = _drawn(candidates=12)
    negatives = ~drawn.relevant.any(axis=0)
    times = np.where(negatives, 5, 1)
    columns = np.repeat(np.arange(12), times)
    spelt_out = Candidates(drawn.cosines[:, columns], drawn.relevant[:, columns], np.zeros(len(columns)))
    weighted = Candidates(drawn.cosines, drawn.relevant, np.log(times))
    assert fit_alpha(weighted).value == pytest.approx(fit_alpha(spelt_out).value, rel=1e-8)
    for alpha in (0.0, 9.0):
        left, right = softmax(weighted, alpha), softmax(spelt_out, alpha)
        assert left.entropy == pytest.approx(right.entropy, abs=1e-10)
        assert left.log_likelihood == pytest.approx(right.log_likelihood, abs=1e-10)
    other, other_spelt = _drawn(candidates=12, seed=3).cosines, _drawn(candidates=12, seed=3).cosines[:, columns]
    left = divergence(weighted, 7.0, Candidates(other, drawn.relevant, weighted.log_weights), 4.0)
    right = divergence(spelt_out, 7.0, Candidates(other_spelt, spelt_out.relevant, spelt_out.log_weights), 4.0)
    assert left == pytest.approx(right, abs=1e-10)


def test_the_divergence_is_kullback_leiblers_and_bregmans_of_negative_entropy():
    before, after = _drawn(), _drawn(seed=1)
    found = divergence(before, 20.0, after, 12.0)
    p, q = _naive(before, 20.0), _naive(after, 12.0)
    assert found == pytest.approx(np.sum(p * np.log(p / q), axis=1), abs=1e-10)
    assert found == pytest.approx(bregman_divergence(negative_entropy, lambda x: 1 + np.log(x), p, q), abs=1e-10)
    assert divergence(before, 20.0, before, 20.0) == pytest.approx(np.zeros(60), abs=1e-12)


def test_blocks_change_no_bit_of_the_result():
    drawn = _drawn(queries=3000, candidates=900)
    alone = softmax(drawn.of(np.arange(2990, 3000)), 15.0)
    assert np.array_equal(softmax(drawn, 15.0).log_partition[2990:], alone.log_partition)


def test_where_every_relevant_candidate_is_the_nearest_alpha_has_no_end():
    found = fit_alpha(Candidates(np.eye(9), np.eye(9, dtype=bool), np.zeros(9)))
    assert (found.value, found.n) == (None, 9)
    assert "without an end" in found.reason


def test_where_the_relevant_are_no_nearer_there_is_no_alpha():
    for cosines in (-np.eye(9), np.ones((9, 9))):
        found = fit_alpha(Candidates(cosines, np.eye(9, dtype=bool), np.zeros(9)))
        assert found.value is None
        assert "no nearer" in found.reason
    assert fit_alpha(Candidates(np.empty((0, 3)), np.empty((0, 3), dtype=bool), np.zeros(3))).value is None


def test_a_single_query_has_an_alpha_without_an_interval():
    found = fit_alpha(_drawn(queries=1, signal=0.1, seed=4))
    assert found.n == 1
    assert found.interval is None


def test_two_von_mises_fisher_laws_of_equal_concentration_differ_by_their_mean_length_times_one_minus_cosine():
    """KL = κ A_d(κ)(1 − cos): P(x|μ) ∝ exp(κ cos) is the softmax over a whole sphere; on the circle by quadrature."""
    angles = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    kappa, turn = 7.0, 0.8
    relevant = np.ones((1, 4000), dtype=bool)
    first, second = (Candidates(np.cos(angles - by)[None], relevant, np.zeros(4000)) for by in (0.0, turn))
    found = divergence(first, kappa, second, kappa)[0]
    length = softmax(first, kappa).mean[0]
    from scipy.special import ive

    assert length == pytest.approx(ive(1, kappa) / ive(0, kappa), rel=1e-10)
    assert found == pytest.approx(kappa * length * (1 - np.cos(turn)), rel=1e-10)
