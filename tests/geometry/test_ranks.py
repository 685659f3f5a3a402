"""Ranks without a sort are those of a sort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.geometry.ranks import Ranks, lattice

NUMBERS = st.one_of(
    st.floats(-1.0, 1.0),
    st.sampled_from([-1.0, 1.0, 0.0, -0.0, 0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1), 2.0**-16, -(2.0**-16)]),
)


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=20))
def test_ranks_are_those_of_sorted_numbers(values, points):
    numbers, sought = np.array(values, dtype=np.float64), np.array(points, dtype=np.float64)
    ordered, ranks = np.sort(numbers), Ranks(numbers)
    assert ranks.below(sought).tolist() == np.searchsorted(ordered, sought, side="left").tolist()
    assert np.array_equal(ranks.before, np.searchsorted(ordered, lattice(), side="left"))
    assert np.array_equal(ranks.upto, np.searchsorted(ordered, lattice(), side="right"))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_numbers_of_some_cells_are_found_in_order(share):
    generator = np.random.default_rng(0)
    numbers = generator.uniform(-1, 1, 3_000_000)
    wanted = generator.random(len(lattice())) < share
    inside = wanted[np.searchsorted(lattice(), numbers, side="right") - 1]
    assert np.array_equal(Ranks(numbers).within(wanted), np.sort(numbers[inside]))
