"""Sums by label say exactly what loops over pairs say, in any shards; nothing to say has its reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.directions import unit_rows
from sphering.geometry.grouped import (
    NO_GROUP,
    GroupedSums,
    cosine_between,
    cosine_gap,
    cosine_within,
)
from sphering.geometry.label_collapse import cdnv, nc1

pytestmark = pytest.mark.filterwarnings("error")
ULP = 2.0**-24


def cloud(n, groups=4, d=6, seed=0, spread=0.5):
    """Vectors around a mean of each group, of which a fifth has no group."""
    generator = np.random.default_rng(seed)
    means = np.random.default_rng(99).standard_normal((groups, d)) + 0.7
    labels = generator.integers(0, groups, n)
    vectors = (means[labels] + spread * generator.standard_normal((n, d))).astype(np.float32)
    return vectors, np.where(generator.random(n) < 0.2, NO_GROUP, labels)


def summed(vectors, labels, groups=4, outside=True):
    sums = GroupedSums.empty(groups, vectors.shape[1], outside=outside)
    units, usable = unit_rows(vectors)
    sums.update(units, labels[usable])
    return sums


def naive_pairs(vectors, labels):
    units = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    within, between = [], []
    for i in range(len(units)):
        for j in range(i):
            if NO_GROUP not in (labels[i], labels[j]):
                (within if labels[i] == labels[j] else between).append(units[i] @ units[j])
    return np.mean(within), np.mean(between)


def test_cosines_within_and_between_labels_are_those_of_a_loop_over_pairs():
    vectors, labels = cloud(150)
    within, between = naive_pairs(vectors, labels)
    sums = summed(vectors, labels)
    assert cosine_within(sums).value == pytest.approx(within, rel=1e-12)
    assert cosine_between(sums).value == pytest.approx(between, rel=1e-12)
    assert cosine_gap(sums).value == pytest.approx(within - between, rel=1e-11)
    assert cosine_within(sums).n == np.sum(labels != NO_GROUP)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 80), min_size=2, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_merging_shards_is_one_pass(sizes, seed):
    vectors, labels = cloud(sum(sizes), seed=seed)
    whole, edges = summed(vectors, labels), np.cumsum(sizes)[:-1]
    merged = GroupedSums.empty(4, 6, outside=True)
    for part in zip(np.split(vectors, edges), np.split(labels, edges), strict=True):
        merged = merged.merge(summed(*part))
    assert np.array_equal(merged.counts, whole.counts)
    for name in ("sums", "outside"):
        a, b = getattr(merged, name), getattr(whole, name)
        assert np.abs(a - b).max() <= 1e-12 * max(np.abs(b).max(), 1.0)


def test_sums_of_other_labels_are_not_merged():
    with pytest.raises(InputError, match=r"\(4, 6\)"):
        GroupedSums.empty(4, 6).merge(GroupedSums.empty(5, 6))


def test_many_rows_are_summed_as_by_a_loop_over_labels():
    vectors, labels = cloud(20_000)
    units, _ = unit_rows(vectors)
    sums = summed(vectors, labels)
    for group in range(4):
        assert sums.counts[group] == np.sum(labels == group)
        assert np.allclose(sums.sums[group], units[labels == group].sum(axis=0), rtol=1e-12)
    outside = units[labels == NO_GROUP]
    assert np.allclose(sums.outside, outside.T @ outside, rtol=1e-12)


def naive_nc1(vectors, labels):
    units = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    kept = [group for group in np.unique(labels) if group != NO_GROUP and np.sum(labels == group) > 1]
    inside = units[np.isin(labels, kept)]
    within, between = np.zeros((units.shape[1],) * 2), np.zeros((units.shape[1],) * 2)
    for group in kept:
        members = units[labels == group]
        within += (members - members.mean(axis=0)).T @ (members - members.mean(axis=0)) / len(inside)
        shift = members.mean(axis=0) - inside.mean(axis=0)
        between += np.outer(shift, shift) / len(kept)
    return np.trace(within @ np.linalg.pinv(between, rcond=1e-10)) / len(kept)


def naive_cdnv(vectors, labels):
    units = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1)[:, None]
    groups = [units[labels == group] for group in np.unique(labels) if group != NO_GROUP]
    groups = [group for group in groups if len(group) > 1]
    variances = [((group - group.mean(axis=0)) ** 2).sum(axis=1).mean() for group in groups]
    return np.mean(
        [
            (variances[a] + variances[b]) / (2 * ((groups[a].mean(axis=0) - groups[b].mean(axis=0)) ** 2).sum())
            for a in range(len(groups))
            for b in range(a)
        ]
    )


@pytest.mark.parametrize("groups", [2, 4, 9])
def test_nc1_and_cdnv_are_their_definitions(groups):
    vectors, labels = cloud(400, groups)
    labels[labels == groups - 1] = NO_GROUP
    labels[7] = groups - 1  # a label of one document is left out
    sums = summed(vectors, labels, groups)
    units, _ = unit_rows(vectors)
    if groups == 2:
        assert nc1(sums, units.T @ units, ULP).reason == "only one label has two documents"
        return
    assert nc1(sums, units.T @ units, ULP).value == pytest.approx(naive_nc1(vectors, labels), rel=1e-9)
    assert cdnv(sums).value == pytest.approx(naive_cdnv(vectors, labels), rel=1e-10)


def test_vectors_that_are_the_mean_of_their_label_have_collapsed():
    vectors, labels = np.eye(4, dtype=np.float32).repeat(5, axis=0), np.arange(4).repeat(5)
    sums, units = summed(vectors, labels), unit_rows(vectors)[0]
    assert (cosine_within(sums).value, cosine_between(sums).value) == (1.0, 0.0)
    assert nc1(sums, units.T @ units, ULP).value == pytest.approx(0.0, abs=1e-14)
    assert cdnv(sums).value == pytest.approx(0.0, abs=1e-14)


def test_labels_with_one_mean_are_not_told_apart():
    vectors, labels = np.tile(np.eye(2, 6, dtype=np.float32), (6, 1)), np.arange(12) // 2 % 3
    sums, units = summed(vectors, labels), unit_rows(vectors)[0]
    assert "same mean" in nc1(sums, units.T @ units, ULP).reason
    assert "same mean" in cdnv(sums).reason


@pytest.mark.parametrize(
    ("labels", "within", "between"),
    [
        ([NO_GROUP] * 6, "no document has a label", "no document has a label"),
        ([2] * 6, None, "the same one"),
        ([0, 1, 2, 3, NO_GROUP, NO_GROUP], "no two documents", None),
    ],
)
def test_what_is_not_defined_says_why(labels, within, between):
    vectors = cloud(6)[0]
    sums, units = summed(vectors, np.array(labels)), unit_rows(vectors)[0]
    for metric, reason in ((cosine_within, within), (cosine_between, between), (cosine_gap, within or between)):
        found = metric(sums)
        assert (found.value is None) == (reason is not None)
        assert reason is None or reason in found.reason
    assert nc1(sums, units.T @ units, ULP).reason
    assert cdnv(sums).reason
