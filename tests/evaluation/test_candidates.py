"""The documents that queries are compared with: the named ones, and as many others as are asked for."""

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from sphering.config.model import TransformConfig
from sphering.evaluation.candidates import Asked, in_both_spaces, relevant_documents
from sphering.evaluation.kind import Ground
from sphering.geometry.moments import Moments
from sphering.store.dropped import dropped_table
from sphering.store.snapshot import Snapshot
from sphering.transform.fit import fit

DROPPED = 3


@pytest.fixture
def snapshot(paragraphs, tmp_path):
    """The paragraphs without the first three rows."""
    path = tmp_path / "dropped.parquet"
    pq.write_table(dropped_table([0] * DROPPED, range(DROPPED)), path)
    return Snapshot(paragraphs.manifest, paragraphs.paths, path)


@pytest.fixture
def names(snapshot):
    return [name for batch in snapshot.batches(["doc_id"]) for name in batch["doc_id"].to_pylist()]


@pytest.fixture
def asked(snapshot, names):
    """Two queries, each the vector of the document that is relevant to it."""
    vectors = next(snapshot.vectors())[:2]
    judgements = pl.DataFrame({"query_id": ["a", "b"], "doc_id": names[:2], "relevance": [1, 2]})
    return Asked(vectors, ["a", "b"], judgements, "doc_id")


def ground(snapshot, sample):
    moments = Moments.empty(snapshot.dimension)
    moments.update(next(snapshot.vectors()))
    transform = fit(TransformConfig(kind="none"), moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
    return Ground(snapshot, transform, sample, 0)


def test_all_documents_are_compared_where_they_are_few(asked, snapshot, names):
    raw, _, whole = in_both_spaces(asked, ground(snapshot, 5000), names[5:7])
    assert whole
    assert raw.cosines.shape == (2, len(names))
    assert not raw.log_weights.any()
    assert raw.relevant.sum(axis=1).tolist() == [1, 1]
    assert raw.cosines[raw.relevant] == pytest.approx(1.0, abs=1e-6)


def test_a_drawn_document_stands_for_as_many_as_were_not_drawn(asked, snapshot, names):
    raw, transformed, whole = in_both_spaces(asked, ground(snapshot, 10), names[5:7])
    assert not whole
    assert raw.cosines.shape == transformed.cosines.shape == (2, 14)
    weights = np.sort(np.exp(raw.log_weights))
    assert weights[:4] == pytest.approx(1.0)
    assert weights[4:] == pytest.approx((len(names) - 4) / 10)
    assert np.exp(raw.log_weights).sum() == pytest.approx(len(names))


def test_a_choice_is_judged_on_the_relevant_and_on_drawn_documents(asked, snapshot, names):
    vectors, relevant, hashes = relevant_documents(asked, snapshot, 10)
    assert vectors.shape == (12, snapshot.dimension)
    assert relevant.sum() == 2
    assert [len(each) for each in hashes] == [1, 1]
    assert len(relevant_documents(asked, snapshot, 5000)[0]) == len(names)


def test_the_same_documents_are_drawn_again(asked, snapshot):
    first, second = (relevant_documents(asked, snapshot, 10)[0] for _ in range(2))
    assert np.array_equal(first, second)
