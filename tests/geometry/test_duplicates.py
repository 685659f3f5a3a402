"""Equal rows are found exactly, however they arrive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.duplicates import distinct_rows, duplicate_rows, equal_rows, indistinct_texts, row_hashes


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=60))
def test_equal_rows_are_those_of_a_dictionary(rows):
    array = np.array(rows, dtype=np.float32).reshape(len(rows), 3)
    first = {}
    expected = [first.setdefault(row, index) for index, row in enumerate(rows)]
    assert equal_rows(array).tolist() == expected
    assert distinct_rows(array).tolist() == sorted(first.values())
    assert duplicate_rows(array) == len(rows) - len(first)


def test_negative_zero_equals_zero_and_one_bit_differs():
    rows = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, np.nextafter(np.float32(1), np.float32(2))]], np.float32)
    assert equal_rows(rows).tolist() == [0, 0, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=60))
def test_indistinct_texts_are_those_of_a_dictionary_whatever_repeats(pairs):
    texts_of = {}
    for vector, text in pairs:
        texts_of.setdefault(vector, set()).add(text)
    expected = sum(len(texts) for texts in texts_of.values() if len(texts) > 1)
    vectors = np.array([[vector, -vector] for vector, _ in pairs], np.float32).reshape(-1, 2)
    texts = np.array([text for _, text in pairs], np.uint64)
    assert indistinct_texts(row_hashes(vectors), texts) == expected


def test_there_is_one_text_a_vector():
    with pytest.raises(InputError, match="2 text hashes for 3"):
        indistinct_texts(np.zeros((3, 2), np.uint64), np.zeros(2, np.uint64))


def test_hashes_are_equal_where_rows_are_and_tell_one_bit_apart():
    rows = np.random.default_rng(0).standard_normal((500, 384)).astype(np.float32)
    rows[0, 0] = 0.0
    other = rows.copy()
    other[0, 0] = -0.0
    assert np.array_equal(row_hashes(rows), row_hashes(other))
    for bit in (0, 1, 30, 31):
        flipped = rows.copy()
        flipped.view(np.uint32)[:, 7] ^= np.uint32(1 << bit)
        assert (row_hashes(flipped) != row_hashes(rows)).any(axis=1).all()


def test_many_rows_take_no_loop():
    generator = np.random.default_rng(0)
    base = generator.standard_normal((20_000, 64)).astype(np.float32)
    picks = generator.integers(20_000, size=30_000)
    rows = np.concatenate([base, base[picks]])
    assert duplicate_rows(rows) == 30_000
    assert np.array_equal(equal_rows(rows)[20_000:], picks)
