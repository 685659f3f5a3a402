"""The rows of one export: some of them, cut, with some metadata, in blocks of one size."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.errors import InputError
from sphering.export.matrix.metadata import keep_columns
from sphering.export.matrix.rows import Rows

N, D = 20_000, 8


def units(n=N, d=D, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def matrix(matrix_of):
    return matrix_of(units(), [json.dumps({"a": row % 3, "b": "x", "c": None}) for row in range(N)])


def _ids(rows):
    return pa.chunked_array(list(rows.ids()), pa.string()).to_pylist()


@pytest.mark.parametrize("rows", [1000, 8192, 16384, 30_000])
@pytest.mark.parametrize("share", [2, 7])
def test_kept_rows_come_in_blocks_of_one_size_with_dense_numbers(matrix, rows, share):
    kept = np.arange(N) % share > 0
    part = Rows(matrix, kept=kept)
    blocks, documents = list(part.blocks(rows)), list(part.documents(rows))
    sizes = [min(rows, part.n - start) for start in range(0, part.n, rows)]
    assert [len(block) for block in blocks] == sizes
    assert [batch.num_rows for batch in documents] == sizes
    assert np.array_equal(np.concatenate(blocks), matrix.vectors()[kept])
    table = pa.Table.from_batches(documents)
    assert table["row_id"].to_pylist() == list(range(part.n))
    assert table["doc_id"].to_pylist() == _ids(part) == matrix.ids.filter(pa.array(kept)).to_pylist()
    assert np.array_equal(part.places(), np.flatnonzero(kept))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.lists(st.booleans(), min_size=40, max_size=40).filter(any), rows=st.integers(1, 50))
def test_any_rows_in_any_portion_are_those_that_were_kept(tmp_path_factory, matrix_of, kept, rows):
    from sphering.export.matrix.files import Matrix

    folder = tmp_path_factory.getbasetemp() / "forty"
    matrix = Matrix.load(folder) if folder.exists() else None
    if matrix is None:
        matrix_of(units(40)).directory.rename(folder)
        matrix = Matrix.load(folder)
    part = Rows(matrix, truncate_dim=5, metadata=("b",), kept=np.array(kept))
    vectors = np.concatenate(list(part.blocks(rows)))
    documents = pa.Table.from_batches(list(part.documents(rows)))
    assert len(vectors) == documents.num_rows == part.n == sum(kept)
    assert documents["doc_id"].to_pylist() == _ids(part)
    assert set(documents["metadata"].to_pylist()) == {'{"b":"x"}'}
    assert np.array_equal(vectors, part.cut(matrix.vectors()[np.array(kept)]))


def test_all_rows_with_fewer_columns_come_in_the_same_blocks_as_their_vectors(matrix):
    part = Rows(matrix, metadata=("c", "a"))
    for documents, vectors in zip(part.documents(1300), part.blocks(1300), strict=True):
        assert documents.num_rows == len(vectors)
        assert {tuple(json.loads(text)) for text in documents["metadata"].to_pylist()} == {("a", "c")}


def test_vectors_are_cut_to_their_first_dimensions_and_have_unit_length_again(matrix):
    part = Rows(matrix, truncate_dim=3)
    assert (part.d, part.whole, part.whole_documents) == (3, False, True)
    found = np.concatenate(list(part.blocks()))
    expected = matrix.vectors()[:, :3].astype(np.float64)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(found - expected).max() <= 6e-8
    assert np.abs(np.linalg.norm(found.astype(np.float64), axis=1) - 1).max() < 2e-7


def test_a_query_of_which_nothing_is_left_stays_zero_and_a_document_is_refused(matrix_of):
    vectors = units(10)
    vectors[4] = [0, 0, 0, 1, 0, 0, 0, 0]
    part = Rows(matrix_of(vectors), truncate_dim=3)
    assert not part.cut(vectors[4:5]).any()
    with pytest.raises(InputError, match="truncate_dim = 3 leaves nothing"):
        list(part.blocks())


def test_what_is_no_number_is_none_after_the_cut(matrix_of):
    vectors = units(10)
    vectors[4, 1] = np.nan
    assert np.isnan(Rows(matrix_of(vectors), truncate_dim=3).cut(vectors)[4]).all()


def test_metadata_keep_the_columns_that_are_there_as_canonical_json():
    texts = pa.array(['{"a":1,"b":"ü"}', '{"b":null,"a":2}', '{"a":1,"b":"ü"}'])
    assert keep_columns(texts, None) is texts
    assert keep_columns(texts, ["b", "z"]).to_pylist() == ['{"b":"ü"}', '{"b":null}', '{"b":"ü"}']
    assert keep_columns(texts, []).to_pylist() == ["{}"] * 3
