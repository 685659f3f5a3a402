"""The moments: equal to naive sums, whatever the batches, and merging is one pass."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import FormatError, InputError
from sphering.geometry.block import BLOCK_ROWS
from sphering.geometry.moments import Moments, merged

pytestmark = pytest.mark.filterwarnings("error")


def filled(*batches, d=None):
    moments = Moments.empty(d or batches[0].shape[1])
    for batch in batches:
        moments.update(batch)
    return moments


def cloud(n, d, seed=0, offset=0.0, dtype=np.float32):
    generator = np.random.default_rng(seed)
    scales = np.geomspace(1.0, 1e-2, d)
    return (generator.standard_normal((n, d)) * scales + offset).astype(dtype)


def assert_same(left, right, tolerance):
    assert left.n == right.n
    assert left.norm_range == right.norm_range
    for name in ("mean", "covariance", "unit_sum", "unit_gram", "mean_square", "fourth_central", "norm_mean"):
        a, b = np.asarray(getattr(left, name)), np.asarray(getattr(right, name))
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max(), name


@pytest.mark.parametrize("offset", [0.0, 1.0, 10.0])
def test_every_sum_equals_the_textbook_formula(offset):
    vectors = cloud(20_000, 24, offset=offset)
    moments = filled(vectors)
    wide = vectors.astype(np.longdouble)
    centred = wide - wide.mean(axis=0)
    units = wide / np.sqrt((wide**2).sum(axis=1))[:, None]
    assert np.abs(moments.mean - wide.mean(axis=0)).max() < 1e-13 * (1 + offset)
    assert np.abs(moments.covariance - centred.T @ centred / (len(wide) - 1)).max() < 1e-14
    assert moments.mean_square == pytest.approx(float((wide**2).sum(axis=1).mean()), rel=1e-13)
    assert moments.fourth_central == pytest.approx(float(((centred**2).sum(axis=1) ** 2).sum()), rel=1e-12)
    assert np.abs(moments.unit_sum - units.sum(axis=0)).max() < 1e-12 * len(wide)
    assert np.abs(moments.unit_gram - units.T @ units).max() < 1e-12 * len(wide)


def test_how_the_batches_arrive_changes_no_bit():
    vectors = cloud(2 * BLOCK_ROWS + 777, 12, offset=3.0)
    vectors[[5, 9000]] = 0.0
    vectors[[6, 9001], 3] = np.nan
    whole = filled(vectors).to_arrays()
    for size in (1000, 4096, BLOCK_ROWS, 8193, 20_000):
        parts = filled(*(vectors[i : i + size] for i in range(0, len(vectors), size))).to_arrays()
        for name, array in whole.items():
            assert np.array_equal(array, parts[name]), (size, name)


def test_reading_in_between_changes_no_bit():
    vectors = cloud(10_000, 8)
    read = Moments.empty(8)
    for start in range(0, len(vectors), 3000):
        read.update(vectors[start : start + 3000])
        assert np.isfinite(read.covariance).all()
    for name, array in filled(vectors).to_arrays().items():
        assert np.array_equal(array, read.to_arrays()[name]), name


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 300), min_size=2, max_size=6),
    offset=st.floats(-10, 10),
    shift=st.floats(-5, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_merging_shards_is_one_pass(sizes, offset, shift, seed):
    shards = [cloud(size, 7, seed + i, offset + i * shift) for i, size in enumerate(sizes)]
    if sum(sizes) < 2:
        return
    assert_same(merged(filled(shard) for shard in shards), filled(np.concatenate(shards)), 1e-12)


def test_merging_shards_of_real_size_is_one_pass():
    vectors = cloud(50_000, 48, offset=2.0)
    shards = np.array_split(vectors, [4096, 12_000, 30_001])
    assert_same(merged(filled(shard) for shard in shards), filled(vectors), 1e-12)


@pytest.mark.parametrize("offset", [0.0, 2.0, 100.0])
def test_rows_are_taken_out_again(offset):
    vectors = cloud(20_000, 24, offset=offset)
    norms = np.linalg.norm(vectors.astype(float), axis=1)
    inside = np.union1d(np.arange(0, 20_000, 3), [norms.argmin(), norms.argmax()])
    dirt = np.array([[np.nan] * 24, [0.0] * 24], np.float32)
    rest = filled(vectors, dirt).without(filled(vectors[inside], dirt))
    assert (rest.non_finite, rest.zero) == (0, 0)
    assert_same(rest, filled(np.delete(vectors, inside, axis=0)), 1e-12)


def test_what_two_states_do_not_tell_is_left_to_a_new_pass():
    vectors = cloud(1000, 4)
    order = np.argsort(np.linalg.norm(vectors.astype(float), axis=1))
    whole = filled(vectors)
    assert whole.without(filled(vectors[order[:256]])) is None, "the smallest norms that are kept are gone"
    assert whole.without(filled(vectors[order[-256:]])) is None, "the largest norms that are kept are gone"
    assert whole.without(filled(vectors[order[1:-1]])) is None, "hardly anything is left"
    assert whole.without(filled(vectors[order[[0, *range(400, 500), -1]]])) is not None


def test_nothing_cannot_be_merged():
    with pytest.raises(InputError, match="no moments"):
        merged([])


def test_a_merged_state_takes_more_rows():
    a, b, c = cloud(500, 5, 1), cloud(300, 5, 2), cloud(200, 5, 3)
    both = merged([filled(a), filled(b)])
    both.update(c)
    assert_same(both, filled(np.concatenate([a, b, c])), 1e-12)


def test_a_far_first_block_costs_no_digits():
    far = np.full((1, 6), 1e4, dtype=np.float32)
    near = cloud(20_000, 6)
    moments = filled(far).merge(filled(near))
    both = np.concatenate([far, near]).astype(np.longdouble)
    centred = both - both.mean(axis=0)
    truth = (centred.T @ centred / (len(both) - 1)).astype(float)
    assert np.abs(moments.covariance - truth).max() <= 1e-12 * np.abs(truth).max()


def test_rows_that_are_not_finite_or_zero_are_counted_and_left_out():
    vectors = cloud(100, 4)
    dirty = np.concatenate([vectors, np.zeros((3, 4), np.float32), np.full((2, 4), np.nan, np.float32)])
    dirty = np.concatenate([dirty, np.array([[np.inf, 1, 1, 1]], np.float32)])
    moments = filled(dirty)
    assert (moments.n, moments.zero, moments.non_finite, moments.rows) == (100, 3, 3, 106)
    assert_same(moments, filled(vectors), 0.0)


def test_a_norm_beyond_float64_counts_as_not_finite_without_a_warning():
    moments = filled(np.array([[1e200, 1e200], [1.0, 1.0], [1e-200, 0.0]]))
    assert (moments.n, moments.non_finite, moments.zero) == (1, 1, 1)


def test_persistence_keeps_every_bit_and_goes_on():
    vectors = cloud(9000, 6)
    moments = filled(vectors[:8500])
    revived = Moments.from_arrays(moments.to_arrays())
    for name, array in moments.to_arrays().items():
        assert np.array_equal(array, revived.to_arrays()[name])
    for name in ("covariance", "unit_gram", "fourth_central"):
        assert np.array_equal(getattr(revived, name), getattr(moments, name))
    revived.update(vectors[8500:])
    assert_same(revived, filled(vectors), 1e-12)


def test_moments_of_another_version_are_refused():
    arrays = filled(cloud(10, 3)).to_arrays()
    arrays["counts"][0] = 99
    with pytest.raises(FormatError, match="version 99"):
        Moments.from_arrays(arrays)


@pytest.mark.parametrize("dimension", [96, 384])
def test_the_thread_count_changes_no_bit(dimension):
    from threadpoolctl import threadpool_limits

    vectors, other = cloud(BLOCK_ROWS + 100, dimension), cloud(3000, dimension, 1, offset=1.0)
    states = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            whole = merged([filled(vectors), filled(other), filled(vectors[:500])])
            states.append({**whole.to_arrays(), "covariance": whole.covariance, "fourth": whole.fourth_central})
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_is_taken_at_its_own_precision(dtype):
    vectors = cloud(200, 3, dtype=dtype)
    assert_same(filled(vectors), filled(vectors.astype(np.float64)), 0.0)


def test_wrong_input_says_what_was_found():
    with pytest.raises(InputError, match=r"shape \(3, 4\)"):
        filled(cloud(3, 4), d=5)
    with pytest.raises(InputError, match="int64"):
        filled(np.ones((2, 2), dtype=np.int64))
    with pytest.raises(InputError, match="dimensions"):
        Moments.empty(2).merge(Moments.empty(3))
    with pytest.raises(InputError, match="0 usable"):
        _ = Moments.empty(2).mean
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Moments.empty(2).mean_square == 0.0
