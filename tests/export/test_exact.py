"""Exact search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import IdentityError, InputError
from sphering.export.exact import TopK, nearest
from sphering.export.search import fetch, search


def _naive(vectors, labels, queries, k):
    """Return the labels of the k best rows by (−score, label)."""
    scores = vectors.astype(np.float64) @ queries.astype(np.float64).T
    return [
        [labels[row] for row in sorted(range(len(vectors)), key=lambda row: (-scores[row, query], labels[row]))[:k]]
        for query in range(len(queries))
    ]


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 60),
    queries=st.integers(1, 5),
    k=st.integers(1, 12),
    block=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_blocks_give_what_one_sort_gives_with_ties_by_label(rows, queries, k, block, seed):
    rng = np.random.default_rng(seed)
    # Small integers: scores are exact and most of them tie.
    vectors = rng.integers(-1, 2, size=(rows, 3)).astype(np.float32)
    wanted = rng.integers(-1, 2, size=(queries, 3)).astype(np.float32)
    labels = rng.permutation(rows).astype(np.int64)
    best = TopK(wanted, k)
    for start in range(0, rows, block):
        best.update(vectors[start : start + block], labels[start : start + block])
    found, scores = best.result()
    assert found.shape == scores.shape == (queries, min(k, rows))
    assert found.tolist() == _naive(vectors, labels.tolist(), wanted, k)


@settings(max_examples=80, deadline=None)
@given(
    rows=st.integers(0, 60),
    queries=st.integers(1, 5),
    k=st.integers(1, 12),
    kinds=st.integers(1, 20),
    block=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_a_label_of_several_rows_counts_once_with_the_best_of_them(rows, queries, k, kinds, block, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-2, 3, size=(rows, 3)).astype(np.float32)
    wanted = rng.integers(-2, 3, size=(queries, 3)).astype(np.float32)
    labels = rng.choice([f"p{number}" for number in range(kinds)], size=rows).astype(object)
    best = TopK(wanted, k, distinct=True)
    for start in range(0, rows, block):
        best.update(vectors[start : start + block], labels[start : start + block])
    found, scores = best.result()
    assert found.shape == scores.shape == (queries, min(k, len(set(labels))))
    every = vectors.astype(np.float64) @ wanted.T
    for query, row in enumerate(found.tolist()):
        tops = {label: max(every[labels == label, query]) for label in labels}
        assert row == sorted(tops, key=lambda label: (-tops[label], label))[:k]
        assert scores[query].tolist() == [tops[label] for label in row]


def test_equal_vectors_get_equal_scores_wherever_their_block_puts_them(bank):
    unit = bank.vectors / np.linalg.norm(bank.vectors, axis=1, keepdims=True)
    rows = np.concatenate([unit[:700], np.repeat(unit[5:6], 9, axis=0), unit[700:1501], unit[5:6]])
    labels = np.arange(len(rows))[::-1].copy()
    for count in (1, 3, 64, 200):
        best = TopK(unit[:count], 20)
        for start in range(0, len(rows), 333):
            best.update(rows[start : start + 333], labels[start : start + 333])
        found, scores = best.result()
        same = np.isin(found, labels[np.flatnonzero((rows == unit[5]).all(axis=1))])
        for row in range(count):
            ties, values = found[row][same[row]], scores[row][same[row]]
            assert len(set(values.tolist())) <= 1
            assert ties.tolist() == sorted(ties.tolist())


@pytest.mark.parametrize("distinct", [False, True])
@pytest.mark.parametrize("k", [1, 40])
def test_neither_the_queries_beside_nor_the_blocks_change_a_bit(distinct, k):
    rng = np.random.default_rng(5)
    rows = _unit(rng.standard_normal((12_000, 24)) * np.arange(1, 25) ** -0.5)
    rows[9_000:9_500] = rows[3]
    rows[11_000:] = rows[rng.integers(0, 400, 1_000)]
    labels = rng.permutation(12_000) // (5 if distinct else 1)
    queries = rows[rng.choice(12_000, 200, replace=False)]
    queries[0] = rows[3]

    def found(some, block):
        best = TopK(some, k, distinct=distinct)
        for start in range(0, len(rows), block):
            best.update(rows[start : start + block], labels[start : start + block])
        return best.result()

    names, scores = found(queries, len(rows))
    for block in (len(rows), 5_000, 700):
        for some in (slice(0, 200), slice(0, 1), slice(17, 90)):
            others = found(queries[some], block)
            assert np.array_equal(others[0], names[some])
            assert np.array_equal(others[1], scores[some])
    if not distinct:
        assert names.tolist() == _naive(rows, labels.tolist(), queries, k)


def test_rows_of_blocks_are_numbered_as_they_come(bank):
    unit = _unit(bank.vectors)
    rows, scores = nearest((unit[start : start + 500] for start in range(0, len(unit), 500)), unit[:30], 7)
    assert rows.tolist() == _naive(unit, range(len(unit)), unit[:30], 7)
    assert np.abs(scores - np.einsum("qkd,qd->qk", unit[rows].astype(np.float64), unit[:30])).max() < 1e-7


def test_search_gives_the_best_documents_of_the_snapshot(bank, bank_snapshot, whitened):
    queries = whitened.apply(bank.vectors[::211])
    hits = search(bank_snapshot, whitened, queries, 10)
    rows = whitened.apply(bank.vectors)
    best = np.sort(rows.astype(np.float64) @ queries.T.astype(np.float64), axis=0)[::-1][:10].T
    assert np.abs(hits.scores - best).max() < 1e-6
    place = {name: row for row, name in enumerate(bank.doc_ids)}
    at = np.array([[place[name] for name in names] for names in hits.doc_ids])
    assert np.abs(np.einsum("qkd,qd->qk", rows[at], queries) - hits.scores).max() < 1e-6


def test_documents_of_one_text_stand_in_the_order_of_their_ids(bank, bank_snapshot, whitened):
    twice = [text for text in set(bank.texts) if bank.texts.count(text) == 2][:5]
    for text in twice:
        names = [name for name, other in zip(bank.doc_ids, bank.texts, strict=True) if other == text]
        query = whitened.apply(bank.vectors[[bank.doc_ids.index(names[0])]])
        assert search(bank_snapshot, whitened, query, 2).doc_ids[0].tolist() == names
        assert search(bank_snapshot, whitened, query, 1).doc_ids[0].tolist() == names[:1]


def test_removed_documents_are_never_found(bank, bank_snapshot, fitted):
    everything = search(bank_snapshot, fitted(bank_snapshot, "none"), _unit(bank.vectors[:1]), 10_000)
    assert sorted(everything.doc_ids[0]) == sorted(bank.doc_ids)


def test_fetch_gives_text_and_metadata_in_the_order_asked(bank, bank_snapshot):
    names = [bank.doc_ids[row] for row in (900, 3, 1500, 3)]
    found = fetch(bank_snapshot, names)
    assert found["doc_id"].to_list() == names
    assert found["text"].to_list() == [bank.texts[row] for row in (900, 3, 1500, 3)]
    assert found.columns == ["doc_id", "text", "metadata"]


@pytest.mark.parametrize("queries", [np.zeros((2, 3), np.float32), np.full((1, 384), np.nan, np.float32)])
def test_queries_that_cannot_be_searched_are_refused(bank_snapshot, whitened, queries):
    with pytest.raises(InputError):
        search(bank_snapshot, whitened, queries, 10)


def test_k_must_be_positive(bank_snapshot, whitened):
    with pytest.raises(InputError, match="k is 0"):
        search(bank_snapshot, whitened, np.ones((1, whitened.dimension_out), np.float32), 0)


def test_a_transform_of_another_encoder_is_refused_in_search(xquad_snapshot, fitted):
    import dataclasses

    stranger = dataclasses.replace(fitted(xquad_snapshot, "none"), encoder="e" * 16)
    with pytest.raises(IdentityError):
        search(xquad_snapshot, stranger, np.ones((1, 384), np.float32), 1)


def _unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
