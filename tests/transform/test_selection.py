from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError, UnfittableError
from sphering.transform.selection import select


def mean(scores, rows):
    return float(scores[rows].mean())


def normal(mean_gain: float, n: int = 400, seed: int = 0):
    shared = np.random.default_rng(1).standard_normal(n)
    own = np.random.default_rng(seed + 2).standard_normal(n) * 0.3
    return shared + own + mean_gain


def test_a_clearly_better_candidate_is_taken_with_its_gain_and_interval():
    scores = {"none": normal(0.0), "better": normal(0.5, seed=1)}
    found = select(["none", "better"], scores.__getitem__, mean)
    _, trial = found.trials
    low, high = trial.interval
    assert found.choice == "better"
    assert trial.gain == pytest.approx(scores["better"].mean() - scores["none"].mean())
    assert 0 < low < trial.gain < high


def test_noise_moves_nobody_away_from_the_simplest():
    chosen = []
    for seed in range(40):
        scores = {"none": normal(0.0, 200, seed), "noise": normal(0.0, 200, seed + 100)}
        chosen.append(select(["none", "noise"], scores.__getitem__, mean, seed).choice)
    assert chosen.count("noise") <= 4


def test_a_better_value_is_not_enough_where_its_interval_reaches_zero():
    rng = np.random.default_rng(0)
    scores = {"none": rng.standard_normal(20), "other": rng.standard_normal(20) + 0.2}
    found = select(["none", "other"], scores.__getitem__, mean)
    assert found.trials[1].gain > 0
    assert found.trials[1].interval[0] < 0
    assert found.choice == "none"


def test_each_candidate_is_compared_with_the_choice_so_far_and_not_with_the_first():
    scores = {"a": normal(0.0), "b": normal(1.0, seed=1), "c": normal(0.5, seed=2)}
    found = select(["a", "b", "c"], scores.__getitem__, mean)
    assert [trial.against for trial in found.trials] == [None, "a", "b"]
    assert [trial.taken for trial in found.trials] == [True, True, False]
    assert found.choice == "b"


def test_a_gain_without_any_spread_is_no_evidence():
    scores = {"none": np.array([0.5]), "one item": np.array([1.0])}
    found = select(["none", "one item"], scores.__getitem__, mean)
    assert found.trials[1].gain == 0.5
    assert found.choice == "none"


def test_what_cannot_be_fitted_stands_in_the_table_with_its_reason():
    def scores(name):
        if name == "whiten":
            raise UnfittableError("3 vectors of 384 dimensions cannot be whitened", expected="more")
        return normal(0.0)

    found = select(["none", "whiten", "center"], scores, mean)
    assert found.choice == "none"
    assert found.trials[1].value is None
    assert "cannot be whitened" in found.trials[1].reason
    assert found.trials[2].value is not None


def test_a_candidate_that_fails_for_another_reason_ends_the_choice():
    def scores(name):
        if name == "center":
            raise InputError("row 7 is not finite")
        return normal(0.0)

    with pytest.raises(InputError, match="row 7"):
        select(["none", "center"], scores, mean)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_equal_scores_are_never_taken_and_a_choice_is_the_same_every_time(seed):
    scores = {"none": normal(0.0, 50, seed), "same": normal(0.0, 50, seed), "third": normal(0.1, 50, seed + 1)}
    first, again = (select(list(scores), scores.__getitem__, mean, seed) for _ in range(2))
    assert first == again
    assert not first.trials[1].taken
