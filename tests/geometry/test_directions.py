"""Directions: of any length that a number can have, and of none that has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.directions import nonzero_unit_rows, unit_rows


def cloud(n=9, d=5):
    return np.random.default_rng(n).standard_normal((n, d)) + 0.7


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rows_without_a_direction_are_left_out(dtype):
    vectors = cloud().astype(dtype)
    vectors[2], vectors[5, 1], vectors[7, 0] = 0.0, np.nan, np.inf
    units, usable = unit_rows(vectors)
    assert usable.tolist() == [row not in (2, 5, 7) for row in range(9)]
    assert np.abs(np.linalg.norm(units, axis=1) - 1.0).max() < 1e-15
    assert len(unit_rows(vectors[:0])[0]) == 0


@given(exponents=st.lists(st.integers(-320, 306), min_size=9, max_size=9))
def test_a_direction_does_not_depend_on_the_length(exponents):
    vectors = np.round(cloud(), 1)
    short = np.array(exponents)[:, None] < -300  # of few digits there
    units, usable = unit_rows(vectors * 10.0 ** np.array(exponents, float)[:, None])
    assert usable.all()
    assert (np.abs(units - unit_rows(vectors)[0]) <= np.where(short, 0.5, 1e-14)).all()


def test_uniformity_of_the_shortest_vectors_is_that_of_long_ones():
    vectors = cloud(60)
    expected = cosine_distribution(vectors).uniformity.value
    assert cosine_distribution(vectors * 1e-161).uniformity.value == pytest.approx(expected, abs=1e-12)
    assert cosine_distribution(vectors * 1e200).uniformity.value == pytest.approx(expected, abs=1e-12)


def test_zero_rows_are_left_out_and_one_that_is_not_finite_is_named():
    vectors = cloud()
    vectors[1] = 0.0
    assert len(nonzero_unit_rows(vectors)) == 8
    vectors[4, 2] = -np.inf
    with pytest.raises(InputError, match="row 4 is not finite"):
        nonzero_unit_rows(vectors)
