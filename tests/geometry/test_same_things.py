"""The same things in two spaces: identities, published values, naive oracles, scipy; degenerate vectors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.cka import linear_cka, linear_cka_debiased, rbf_cka
from sphering.geometry.procrustes import procrustes_by_chance, procrustes_residual
from sphering.geometry.similarity import PairedCosines

pytestmark = pytest.mark.filterwarnings("error")

MEASURES = {
    "plain": linear_cka,
    "debiased": linear_cka_debiased,
    "rbf": rbf_cka,
    "procrustes": procrustes_residual,
}


def cloud(n=200, d=20, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) * np.geomspace(1, 0.1, d)


def rotation(d, seed=9):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def rank_correlation(left, right):
    return PairedCosines(left, right).rank_correlation()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), d=st.integers(2, 30), scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_a_rotated_scaled_and_moved_space_is_the_same_space(seed, d, scale, shift):
    x = cloud(60, d, seed)
    y = scale * (x @ rotation(d)) + shift * scale
    for measure in (linear_cka, linear_cka_debiased, rbf_cka):
        assert measure(x, y).value == pytest.approx(1.0, abs=1e-8)
    assert procrustes_residual(x, y).value == pytest.approx(0.0, abs=1e-8)
    assert rank_correlation(x, scale * (x @ rotation(d))).value == pytest.approx(1.0, abs=1e-6)


def test_independent_sets_have_the_published_alignment():
    pairs = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        pairs.append((generator.standard_normal((300, 20)), generator.standard_normal((300, 30))))
    assert np.mean([linear_cka(x, y).value for x, y in pairs]) == pytest.approx(0.073, abs=0.005)
    for measure in (linear_cka_debiased, rbf_cka):
        assert np.mean([measure(x, y).value for x, y in pairs]) == pytest.approx(0.0, abs=0.005)


def hsic_1(k, m):
    """Song et al. 2012, equation 4, as it is printed."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    total = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return (np.trace(k @ m) + total) / (n * (n - 3))


@pytest.mark.parametrize("n", [4, 5, 50])
def test_the_debiased_alignments_are_those_of_the_formula_as_printed(n):
    x = cloud(n, 7, 1) + 3.0
    y = np.concatenate([x[:, :4] ** 2, cloud(n, 5, 2)], axis=1)

    def gaussian(z):
        squares = ((z[:, None] - z) ** 2).sum(axis=2)
        return np.exp(-squares / (2 * np.median(squares[np.triu_indices(n, 1)])))

    for kernel, measure in ((lambda z: z @ z.T, linear_cka_debiased), (gaussian, rbf_cka)):
        k, m = kernel(x), kernel(y)
        if min(hsic_1(k, k), hsic_1(m, m)) <= 0:
            assert "not positive" in measure(x, y).reason
            continue
        expected = hsic_1(k, m) / np.sqrt(hsic_1(k, k) * hsic_1(m, m))
        assert measure(x, y).value == pytest.approx(np.clip(expected, -1, 1), abs=1e-9)


def test_a_bent_space_keeps_its_linear_alignment_and_loses_that_of_neighbourhoods():
    generator = np.random.default_rng(3)
    side = np.repeat([[-20.0], [20.0]], 150, axis=0)
    inner = generator.standard_normal((300, 3))
    shuffled = np.concatenate([generator.permutation(inner[:150]), generator.permutation(inner[150:])])
    x, y = np.hstack([side, inner]), np.hstack([side, shuffled])
    assert linear_cka_debiased(x, y).value > 0.99
    assert rbf_cka(x / [20, 1, 1, 1], y / [20, 1, 1, 1]).value < 0.7


@pytest.mark.parametrize("d", [12, 20])
def test_the_procrustes_residual_is_that_of_scipy_where_the_narrower_is_padded(d):
    from scipy.spatial import procrustes

    x = cloud(150, 20, 1)
    y = x @ np.random.default_rng(2).standard_normal((20, d)) + cloud(150, d, 3)
    padded = np.pad(y, ((0, 0), (0, 20 - d)))
    assert procrustes_residual(x, y).value == pytest.approx(procrustes(x, padded)[2], rel=1e-9)
    assert procrustes_residual(y, x).value == pytest.approx(procrustes_residual(x, y).value, rel=1e-9)


def test_a_rotation_that_is_fitted_on_few_vectors_explains_unrelated_ones_as_chance_says():
    x, y = (np.random.default_rng(seed).standard_normal((100, 30)) for seed in (1, 2))
    assert procrustes_by_chance(x, y) == pytest.approx(procrustes_residual(x, y).value, abs=0.03)
    assert procrustes_residual(x, y).value < 0.8


def test_the_rank_correlation_of_cosines_is_that_of_the_loops():
    from scipy.stats import spearmanr

    x = cloud(40, 6, 1)
    y = np.abs(x @ np.random.default_rng(2).standard_normal((6, 9)))
    y[7] = y[3]  # ties

    def cosines(z):
        return [z[i] @ z[j] / np.linalg.norm(z[i]) / np.linalg.norm(z[j]) for i in range(len(z)) for j in range(i)]

    assert rank_correlation(x, y).value == pytest.approx(spearmanr(cosines(x), cosines(y)).statistic, abs=1e-9)


def test_a_threshold_of_the_second_space_is_reached_by_as_many_pairs():
    x = np.abs(cloud(300, 5, 1))
    y = x + 0.7
    first, second = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    upper = np.triu_indices(300, 1)
    before, after = ((z @ z.T)[upper] for z in (first, second))
    for found in PairedCosines(x, y).thresholds():
        assert found.share.value == pytest.approx(np.mean(before >= found.cosine), abs=1e-12)
        assert np.sum(after >= found.equivalent.value - 1e-12) == np.sum(before >= found.cosine)
        assert found.equivalent.interval[0] < found.equivalent.value < found.equivalent.interval[1]
    assert found.equivalent.value > 0.9
    same = PairedCosines(x, 3.0 * x).thresholds([0.8])[0]
    assert same.equivalent.value == pytest.approx(0.8, abs=1e-3)


def test_a_threshold_that_no_pair_or_every_pair_reaches_has_no_equivalent():
    x = np.random.default_rng(0).standard_normal((50, 200))
    none, every = PairedCosines(x, x).thresholds([0.9, -1.0])
    assert (none.share.value, every.share.value) == (0.0, 1.0)
    assert none.equivalent.reason == "no pair reaches a cosine of 0.9"
    assert every.equivalent.reason == "every pair reaches a cosine of -1"


def test_intervals_hold_the_value_of_the_population():
    mixing = np.random.default_rng(0).standard_normal((8, 8))

    def sample(n, seed):
        x = np.random.default_rng(seed).standard_normal((n, 8))
        return x, x @ mixing + np.random.default_rng(seed + 1000).standard_normal((n, 8))

    measures = {**MEASURES, "rank correlation": rank_correlation}
    del measures["plain"], measures["procrustes"]  # biased: the population's value is not what their interval is about
    for name, measure in measures.items():
        truth = measure(*sample(1000, 99999)).value
        held = [low <= truth <= high for low, high in (measure(*sample(120, 2 * seed)).interval for seed in range(60))]
        assert np.mean(held) >= 0.86, (name, np.mean(held))


CASES = {
    "none": np.empty((0, 5)),
    "one": np.ones((1, 5), np.float32),
    "two": cloud(2, 5),
    "three": cloud(3, 5),
    "as many as dimensions": cloud(5, 5),
    "one dimension": np.arange(1.0, 31.0)[:, None],
    "constant": np.full((30, 5), 0.3, np.float32),
    "half of them equal": np.concatenate([np.ones((30, 5)), cloud(10, 5)]),
    "float16": cloud(40, 5).astype(np.float16),
    "huge": (cloud(30, 5) * 1e37).astype(np.float32),
    "tiny": (cloud(30, 5) * 1e-37).astype(np.float32),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("measure", [*MEASURES.values(), rank_correlation])
def test_degenerate_vectors_have_a_finite_value_or_a_reason(name, measure):
    x = CASES[name]
    found = measure(x, cloud(len(x), 4, 5) + 0.5)
    assert (found.value is None) == (found.reason is not None)
    assert found.value is None or -1.0 <= found.value <= 1.0
    own = measure(x, x)
    if own.value is not None:
        assert own.value == pytest.approx(0.0 if measure is procrustes_residual else 1.0, abs=1e-6)
    assert all(each.equivalent.value is None or each.share.value for each in PairedCosines(x, x).thresholds())


def test_rows_that_do_not_belong_together_are_refused():
    x = cloud(20, 5)
    bad = x.copy()
    bad[4, 2] = np.nan
    zero = x.copy()
    zero[4] = 0.0
    for measure in [*MEASURES.values(), rank_correlation]:
        with pytest.raises(InputError):
            measure(x, x[:19])
        with pytest.raises(InputError, match="row 4 is not finite"):
            measure(x, bad)
    with pytest.raises(InputError, match="19 are not zero"):
        PairedCosines(x, zero)
