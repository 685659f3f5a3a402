"""Equal rows are found exactly, however they arrive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.geometry.duplicates import distinct_rows, duplicate_rows, equal_rows, indistinct_texts


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


def test_indistinct_texts_counts_texts_not_documents():
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [2, 2]], np.float32)
    texts = [bytes([value]) * 32 for value in (1, 2, 2, 3, 3, 4)]
    assert indistinct_texts(vectors, texts) == 2
    assert indistinct_texts(vectors, np.frombuffer(b"".join(texts), np.uint8).reshape(6, 32)) == 2
    assert indistinct_texts(vectors[:0], []) == 0
    with pytest.raises(InputError, match="5 text hashes"):
        indistinct_texts(vectors, texts[:5])


def test_many_rows_take_no_loop():
    generator = np.random.default_rng(0)
    base = generator.standard_normal((20_000, 64)).astype(np.float32)
    picks = generator.integers(20_000, size=30_000)
    rows = np.concatenate([base, base[picks]])
    assert duplicate_rows(rows) == 30_000
    assert np.array_equal(equal_rows(rows)[20_000:], picks)
