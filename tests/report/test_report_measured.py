"""Intervals: they hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.geometry.estimate import exact, undefined
from sphering.report.measured import as_sample, batch_interval, number, share_interval, whole_counts
from sphering.report.wording import change, changes, shown


@given(st.floats(0, 1), st.integers(1, 10**6))
def test_the_interval_of_a_share_holds_it_and_stays_between_0_and_1(share: float, n: int) -> None:
    low, high = share_interval(share, n)
    assert 0 <= low <= share <= high <= 1


def test_wilson_s_interval_is_the_published_one() -> None:
    low, high = share_interval(0.1, 100)  # Agresti & Coull 1998
    assert (low, high) == pytest.approx((0.0552, 0.1744), abs=1e-4)


def test_the_interval_of_a_share_covers_at_least_93_of_100() -> None:
    generator = np.random.default_rng(0)
    true, hits = 0.93, 0
    for _ in range(1000):
        low, high = share_interval(float(generator.beta(9.3, 0.7, size=200).mean()), 200)
        hits += low <= true <= high
    assert hits >= 930


def test_the_interval_by_batches_covers_at_least_93_of_100() -> None:
    generator, hits = np.random.default_rng(1), 0
    for _ in range(1000):
        draws = generator.exponential(size=(8, 50))
        low, high = batch_interval(float(draws.mean()), draws.mean(axis=1).tolist())
        hits += low <= 1.0 <= high
    assert hits >= 930


def test_a_sample_of_the_whole_stays_exact_and_a_part_does_not() -> None:
    assert as_sample(exact(0.5, 10), whole=True, seed=7).kind == "exact"
    part = number(as_sample(exact(0.5, 10), whole=False, seed=7, interval=(0.2, 0.8)), "texts")
    assert part == {"value": 0.5, "kind": "sampled", "n": 10, "seed": 7, "interval": [0.2, 0.8], "over": "texts"}
    assert as_sample(undefined("none"), whole=False, seed=7).reason == "none"


def test_counts_are_integers() -> None:
    metrics = {"zero": {"value": 3.0}, "rank": {"value": None}, "mean_cosine": {"value": 1.0}}
    counted = whole_counts(metrics, ("zero", "rank"))
    assert [repr(entry["value"]) for entry in counted.values()] == ["3", "None", "1.0"]


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (None, "number", "–"),
        (0.0, "number", "0"),
        (13083, "count", "13,083"),
        (-0.2171, "number", "−0.217"),
        (0.00019, "number", "0.00019"),
        (0.99999994, "number", "1.00"),
        (1.00000012, "number", "1.00"),
        (4009.4, "number", "4,009"),
        (42.478, "number", "42.5"),
        (2.5e-9, "number", "2.5e−09"),
        (1.0, "share", "100 %"),
        (0.99999, "share", "99.9990 %"),
        (0.9247, "share", "92.5 %"),
        (0.0004, "share", "0.04 %"),
    ],
)
def test_numbers_read_well(value: float | None, form: str, expected: str) -> None:
    assert shown(value, form) == expected


def test_only_the_ways_in_which_documents_changed_are_named():
    counts = {name: {"value": 0} for name in ("added", "retexted", "relabelled", "moved", "removed")}
    assert changes({**counts, "unchanged": {"value": 5}}) == "no document changed"
    some = {**counts, "added": {"value": 1200}, "moved": {"value": 3}}
    assert changes(some) == "1,200 added, 3 moved"


def test_differences_carry_their_sign() -> None:
    assert [change(value) for value in (0.5, -0.5, 0.0, None)] == ["+0.500", "−0.500", "±0", "–"]
