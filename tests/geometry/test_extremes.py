"""The smallest and largest numbers are known when some of all numbers are taken out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sphering.geometry.extremes import KEPT, Extremes

NUMBERS = st.lists(st.integers(0, 300).map(float), max_size=3 * KEPT)


@given(NUMBERS, NUMBERS)
def test_the_extremes_of_two_sets_are_those_of_all(some, others):
    both = Extremes.of(np.array(some)).plus(Extremes.of(np.array(others)))
    whole = Extremes.of(np.array(some + others))
    assert (both.n, both.lowest.tolist(), both.highest.tolist()) == (
        whole.n,
        whole.lowest.tolist(),
        whole.highest.tolist(),
    )


@given(NUMBERS, NUMBERS)
def test_the_range_of_what_is_left_is_right_where_it_is_told(staying, going):
    rest = Extremes.of(np.array(staying + going)).minus(Extremes.of(np.array(going)))
    if len(staying) + len(going) <= KEPT:
        assert rest is not None
    if rest is not None:
        assert rest.n == len(staying)
        assert rest.range == ((min(staying), max(staying)) if staying else None)
        told = rest.lowest.tolist()
        assert told == sorted(staying)[: len(told)]


def test_a_tenth_of_many_numbers_may_go_again_and_again():
    generator = np.random.default_rng(0)
    whole = generator.standard_normal(100_000)
    gone = generator.random(100_000) < 0.1
    rest = Extremes.of(whole).minus(Extremes.of(whole[gone]))
    assert rest.range == (whole[~gone].min(), whole[~gone].max())
