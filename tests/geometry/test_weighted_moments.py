"""Weighted moments: each row counts as often as its weight says, whatever the batches, the order and the merges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.angles import cosine_variance, effective_dimension, mean_cosine, mean_cosine_error, mean_norm
from sphering.geometry.block import BLOCK_ROWS
from sphering.geometry.moments import Moments, merged
from sphering.geometry.participation import participation_ratio_unbiased

pytestmark = pytest.mark.filterwarnings("error")


def weighted(vectors, weights, batch=100_000):
    moments = Moments.empty(vectors.shape[1])
    for start in range(0, len(vectors), batch):
        moments.update(vectors[start : start + batch], weights[start : start + batch])
    return moments


def cloud(n, d=7, seed=0, offset=1.5):
    generator = np.random.default_rng(seed)
    vectors = (generator.standard_normal((n, d)) * np.geomspace(1.0, 1e-2, d) + offset).astype(np.float32)
    return vectors, 1.0 / generator.permutation(np.arange(1, n + 1))  # Zipf's law


def assert_same(left, right, tolerance=1e-12):
    assert (left.n, left.norm_range) == (right.n, right.norm_range)
    names = ("mean", "covariance", "unit_sum", "unit_gram", "mean_square", "fourth_central", "norm_mean")
    for name in (*names, "weight", "squared_weights", "effective_n", "pair_weight"):
        a, b = np.asarray(getattr(left, name)), np.asarray(getattr(right, name))
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max(), name


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e60])
def test_mean_and_covariance_are_numpys_of_weighted_rows(scale):
    vectors, weights = cloud(BLOCK_ROWS + 900)
    moments = weighted(vectors, weights * scale)
    wide = vectors.astype(float)
    assert np.allclose(moments.mean, np.average(wide, axis=0, weights=weights), rtol=1e-13, atol=0)
    assert np.allclose(moments.covariance, np.cov(wide.T, aweights=weights), rtol=1e-11, atol=1e-16)
    assert moments.effective_n == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-12)
    assert moments.n == len(vectors)


def test_every_sum_is_that_of_a_naive_loop():
    vectors, weights = cloud(300)
    moments = weighted(vectors, weights)
    wide, mass = vectors.astype(np.longdouble), weights.astype(np.longdouble)
    norms = np.sqrt((wide**2).sum(axis=1))
    units = wide / norms[:, None]
    mean = (mass[:, None] * wide).sum(axis=0) / mass.sum()
    assert np.abs(moments.unit_sum - (mass[:, None] * units).sum(axis=0)).max() < 1e-13
    assert np.abs(moments.unit_gram - (mass[:, None] * units).T @ units).max() < 1e-13
    fourth = (mass * ((wide - mean) ** 2).sum(axis=1) ** 2).sum()
    assert moments.fourth_central == pytest.approx(float(fourth), rel=1e-12)
    assert moments.mean_square == pytest.approx(float((mass * norms**2).sum() / mass.sum()), rel=1e-13)
    assert moments.norm_mean == pytest.approx(float((mass * norms).sum() / mass.sum()), rel=1e-13)


def test_cosines_are_over_pairs_that_count_as_the_product_of_their_weights():
    vectors, weights = cloud(200, offset=0.3)
    units = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    cosines, pairs = units @ units.T, np.outer(weights, weights)
    np.fill_diagonal(pairs, 0.0)
    moments = weighted(vectors, weights)
    first = (pairs * cosines).sum() / pairs.sum()
    assert mean_cosine(moments).value == pytest.approx(first, rel=1e-11)
    spread = (pairs * cosines**2).sum() / pairs.sum() - first**2
    assert cosine_variance(moments).value == pytest.approx(spread, rel=1e-10)
    assert mean_norm(moments).value == pytest.approx(np.linalg.norm(weights @ units) / weights.sum(), rel=1e-12)
    assert mean_cosine_error(moments) > mean_cosine_error(weighted(vectors, np.ones(200)))


def test_weights_of_one_change_no_bit():
    vectors, _ = cloud(BLOCK_ROWS + 500)
    plain = Moments.empty(7)
    plain.update(vectors)
    counted = weighted(vectors, np.ones(len(vectors)), batch=1000)
    for name, array in plain.to_arrays().items():
        assert np.array_equal(array, counted.to_arrays()[name]), name
    assert np.array_equal(plain.covariance, plain.gram.centred.matrix[:7, :7] / (plain.n - 1))
    assert plain.effective_n == plain.n


def test_whole_weights_are_repeats():
    vectors, _ = cloud(400)
    times = np.random.default_rng(1).integers(0, 5, 400)
    moments, repeated = weighted(vectors, times), Moments.empty(7)
    repeated.update(np.repeat(vectors, times, axis=0))
    assert moments.weight == pytest.approx(repeated.n)
    assert np.allclose(moments.mean, repeated.mean, rtol=1e-13, atol=0)
    assert np.allclose(moments.unit_gram, repeated.unit_gram, rtol=1e-12, atol=0)


def test_a_row_of_weight_zero_is_left_out_of_everything():
    vectors, weights = cloud(100)
    unwanted = np.concatenate([vectors, np.full((2, 7), np.nan, np.float32), np.full((1, 7), 1e9, np.float32)])
    moments = weighted(unwanted, np.concatenate([weights, np.zeros(3)]))
    assert moments.non_finite == 0
    assert_same(moments, weighted(vectors, weights), 0.0)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 120), min_size=2, max_size=6),
    batch=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_batches_any_order_and_any_merge_give_the_same_sums(sizes, batch, seed):
    n = sum(sizes)
    if n < 3:
        return
    vectors, weights = cloud(n, seed=seed)
    whole = weighted(vectors, weights)
    batches = weighted(vectors, weights, batch).to_arrays()
    assert all(np.array_equal(array, batches[name]) for name, array in whole.to_arrays().items())
    order = np.random.default_rng(seed).permutation(n)
    assert_same(weighted(vectors[order], weights[order]), whole)
    edges = np.cumsum(sizes)[:-1]
    parts = zip(np.split(vectors, edges), np.split(weights, edges), strict=True)
    assert_same(merged(weighted(*part) for part in parts), whole)


def test_rows_are_taken_out_again_by_number_and_by_weight():
    vectors, weights = cloud(20_000)
    norms = np.linalg.norm(vectors.astype(float), axis=1)
    inside = np.setdiff1d(np.arange(0, 20_000, 3), [weights.argmax(), norms.argmin(), norms.argmax()])
    whole = weighted(vectors, weights)
    rest = whole.without(weighted(vectors[inside], weights[inside]))
    assert_same(rest, weighted(np.delete(vectors, inside, axis=0), np.delete(weights, inside)))
    heavy = np.setdiff1d(np.argsort(-weights)[:500], [norms.argmin(), norms.argmax()])
    assert whole.without(weighted(vectors[heavy], weights[heavy])) is None, "more than half of the weight"


def test_weighted_moments_are_kept_with_every_bit_and_go_on():
    vectors, weights = cloud(9000)
    moments = weighted(vectors[:8500], weights[:8500])
    revived = Moments.from_arrays(moments.to_arrays())
    assert np.array_equal(revived.covariance, moments.covariance)
    revived.update(vectors[8500:], weights[8500:])
    assert_same(revived, weighted(vectors, weights))


def test_where_one_vector_has_all_the_weight_nothing_is_said_of_pairs():
    vectors, _ = cloud(3)
    moments = weighted(vectors, np.array([1.0, 1e-30, 1e-30]))
    assert np.allclose(moments.mean, vectors[0])
    with pytest.raises(InputError, match="one of 3 vectors has all the weight"):
        _ = moments.covariance
    for metric in (mean_cosine, cosine_variance, effective_dimension):
        assert metric(moments).value is None
        assert metric(moments).reason


def test_what_is_defined_for_equal_weights_alone_says_so():
    assert "each count once" in participation_ratio_unbiased(weighted(*cloud(50))).reason


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, 1e-200, 1e200])
def test_a_weight_that_counts_for_nothing_sensible_is_refused(bad):
    vectors, weights = cloud(5)
    weights[3] = bad
    with pytest.raises(InputError, match="row 3"):
        weighted(vectors, weights)


def test_each_vector_has_one_weight():
    with pytest.raises(InputError, match="one each"):
        Moments.empty(7).update(cloud(5)[0], np.ones(4))
