"""Near-duplicates: counted as a loop counts them, scaled to the corpus with intervals that hold."""

import numpy as np
import pytest

from sphering.geometry.near_duplicates import NearRows, near_duplicate_pairs
from sphering.geometry.neighbours import neighbours, neighbours_before_and_after

pytestmark = pytest.mark.filterwarnings("error")


def families(generator, sizes, d=40):
    """Return rows of families that have a cosine of about 0.999 within, and hardly one beyond."""
    parts = []
    for size in sizes:
        parts.append(generator.standard_normal((1, d)) + 0.02 * generator.standard_normal((size, d)))
    return np.concatenate(parts).astype(np.float32) * generator.uniform(0.5, 2, (sum(sizes), 1)).astype(np.float32)


def naive_pairs(vectors, texts):
    wide = vectors.astype(float)
    norms = np.linalg.norm(wide, axis=1)
    total = 0
    for i in range(len(wide)):
        for j in range(i):
            if norms[i] > 0 and norms[j] > 0 and wide[i] @ wide[j] >= 0.99 * norms[i] * norms[j]:
                total += int(texts[i] * texts[j])
    return total


def counted(vectors, texts=None):
    near = NearRows(np.ones(len(vectors), np.int64) if texts is None else texts)
    neighbours(vectors, 1, ["cosine"], near)
    return near


def test_pairs_are_those_of_the_loop_also_where_several_texts_share_a_vector():
    generator = np.random.default_rng(0)
    vectors = families(generator, [1, 2, 3, 7, 1, 1, 20])
    vectors[0] = 0.0
    texts = generator.integers(1, 4, len(vectors))
    expected = naive_pairs(vectors, texts)
    assert expected > 100
    near = counted(vectors, texts)
    found = near_duplicate_pairs(near, int(texts.sum()))
    assert (found.kind, found.value, found.interval) == ("exact", expected, None)
    assert found.n == texts.sum() * (texts.sum() - 1) / 2
    both = NearRows(texts)
    neighbours_before_and_after(vectors, 3, both)
    assert np.array_equal(both.near, near.near)


def test_a_sample_without_a_near_duplicate_gives_zero_and_how_many_there_may_be():
    near = counted(families(np.random.default_rng(1), [1] * 200))
    found = near_duplicate_pairs(near, 2000)
    assert (found.kind, found.value) == ("sampled", 0.0)
    low, high = found.interval
    assert low == 0.0
    assert high == pytest.approx(3.689 * 2000 * 1999 / (200 * 199), rel=1e-3)


@pytest.mark.parametrize("sizes", [[2] * 300 + [1] * 2400, [6] * 60 + [1] * 2640, [40, 40] + [1] * 2920])
def test_the_interval_holds_the_number_of_the_whole_corpus(sizes):
    generator = np.random.default_rng(2)
    family = np.repeat(np.arange(len(sizes)), sizes)
    of, true = len(family), sum(size * (size - 1) // 2 for size in sizes)
    hits, values = 0, []
    for _ in range(400):
        sample = family[generator.choice(of, 500, replace=False)]
        near = NearRows(np.ones(500, np.int64))
        near.near += np.bincount(sample)[sample] - 1
        found = near_duplicate_pairs(near, of)
        low, high = found.interval
        assert low <= found.value <= high
        hits += low <= true <= high
        values.append(found.value)
    assert np.mean(values) == pytest.approx(true, rel=0.15)
    assert hits / 400 >= 0.93


def test_one_text_has_no_pair():
    assert near_duplicate_pairs(NearRows(np.ones(1, np.int64)), 1).value is None
    assert near_duplicate_pairs(NearRows(np.ones(0, np.int64)), 0).value is None
