"""Which texts two snapshots share, against sets of hashes."""

import hashlib

import numpy as np
import pytest

from sphering.report.comparison.texts import compare_texts


def hashed(text):
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture(scope="module")
def texts():
    return [f"question number {number}" for number in range(60)]


def shown(snapshot):
    """Return the vectors of a snapshot by text hash."""
    rows = snapshot.scan().collect()
    return dict(zip(rows["text_hash"], rows["embedding"].to_numpy(), strict=True))


def test_the_common_texts_with_the_smallest_hashes_come_with_their_vectors_of_both(make_snapshot, texts):
    a, b = make_snapshot([*texts[:50], *texts[:5]]), make_snapshot(texts[20:])
    before, after = shown(a), shown(b)
    common = sorted(before.keys() & after.keys())
    found = compare_texts(a, b, shared=12, strangers=7)
    assert (found.a, found.b, found.common) == (len(before), len(after), len(common))
    for rows, of in zip(found.shared, (before, after), strict=True):
        assert np.array_equal(rows, np.stack([of[name] for name in common[:12]]))
    only = sorted(after.keys() - before.keys())
    strangers = found.strangers
    assert (strangers.side, strangers.own_texts, strangers.other_texts) == ("b", len(only), len(before))
    assert np.array_equal(strangers.own, np.stack([after[name] for name in only[:7]]))
    assert np.array_equal(strangers.others, np.stack([before[name] for name in sorted(before)[:7]]))


def test_where_the_second_has_no_text_of_its_own_those_of_the_first_are_the_strangers(make_snapshot, texts):
    a, b = make_snapshot(texts), make_snapshot(texts[:40])
    before, after = shown(a), shown(b)
    if after.keys() <= before.keys():
        strangers = compare_texts(a, b, shared=5, strangers=100).strangers
        assert (strangers.side, strangers.other_texts) == ("a", len(after))
        assert len(strangers.own) == strangers.own_texts == len(before) - len(before.keys() & after.keys())


def test_equal_texts_and_none_in_common_are_no_special_case(make_snapshot, texts):
    a, other = make_snapshot(texts[:20]), make_snapshot(texts[20:40])
    assert compare_texts(a, a, shared=5, strangers=5).strangers is None
    assert compare_texts(a, other, shared=5, strangers=0).strangers is None
    found = compare_texts(a, other, shared=5, strangers=5)
    assert found.common == 0
    assert found.shared[0].shape == found.shared[1].shape == (0, 384)
    assert len(found.strangers.own) == len(found.strangers.others) == 5
