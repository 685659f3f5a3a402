"""The matrix: what every export of a release is made from."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.errors import EmptyCorpusError, IdentityError, IntegrityError
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.files import Matrix
from sphering.export.matrix.stream import ahead

VECTOR_FILES = ("vectors.npy", "ids.parquet", "excluded.parquet", "held_out.npy")


def test_rows_stand_in_the_order_of_the_utf8_bytes_of_their_ids(bank, bank_matrix, whitened):
    assert bank_matrix.ids.to_pylist() == sorted(bank.doc_ids, key=str.encode)
    assert np.array_equal(bank_matrix.vectors(), whitened.apply(bank.vectors))


def test_every_row_has_norm_one(bank_matrix):
    norms = np.linalg.norm(bank_matrix.vectors().astype(np.float64), axis=1)
    assert np.abs(norms - 1).max() == pytest.approx(bank_matrix.facts.max_norm_error, abs=1e-12)
    assert bank_matrix.facts.max_norm_error < 6e-8


def test_blocks_give_the_same_rows_as_the_map(bank_matrix):
    assert np.array_equal(np.concatenate(list(bank_matrix.blocks(100))), bank_matrix.vectors())


def test_blocks_that_are_read_ahead_come_in_order_until_one_cannot_be_read():
    def broken():
        yield from (np.full((1, 1), number) for number in range(3))
        raise OSError("the disk is gone")

    blocks = ahead(broken())
    assert [int(next(blocks)[0, 0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(blocks)


def test_a_reader_that_stops_early_leaves_no_thread(bank_matrix):
    before = threading.active_count()
    blocks = bank_matrix.blocks(100)
    assert len(next(blocks)) == 100
    blocks.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(("shards", "seed", "strangers"), [(1, 1, 0), (7, 2, 3)])
def test_the_files_do_not_depend_on_the_shard_layout(tmp_path, bank, bank_matrix, whitened, shards, seed, strangers):
    other = make_matrix(bank.snapshot(tmp_path / "shards", shards, seed, strangers), whitened, tmp_path / "matrix")
    for name in VECTOR_FILES:
        assert (other.directory / name).read_bytes() == (bank_matrix.directory / name).read_bytes(), name


def test_metadata_stays_with_its_document(bank, bank_matrix):
    table = pq.read_table(bank_matrix.directory / "ids.parquet").to_pylist()
    assert [row["metadata"] for row in table] == [f'{{"length": {len(text)}}}' for text in bank.texts]
    assert [row["row_id"] for row in table] == list(range(len(table)))


def test_equal_vectors_are_counted(bank, bank_matrix):
    distinct = len({row.tobytes() for row in bank_matrix.vectors()})
    assert bank_matrix.facts.duplicate_vectors == bank_matrix.n - distinct >= 40


def test_the_texts_with_the_smallest_hashes_are_held_out_with_all_their_documents(bank, bank_snapshot, bank_matrix):
    smallest = set(bank_snapshot.sample(1000).doc_ids)
    texts = {text for name, text in zip(bank.doc_ids, bank.texts, strict=True) if name in smallest}
    assert len(texts) == 1000
    assert bank_matrix.held_out().tolist() == [text in texts for text in bank.texts]


def test_a_vector_that_centring_makes_zero_is_excluded_and_listed(tmp_path, xquad, fitted):
    vectors = xquad.vectors.copy()
    at = [3, 100]
    vectors[at] = np.delete(vectors, at, axis=0).mean(axis=0, dtype=np.float64).astype(np.float32)
    corpus = dataclasses.replace(xquad, vectors=vectors)
    snapshot = corpus.snapshot(tmp_path / "shards")
    transform = fitted(snapshot, "center")
    matrix = make_matrix(snapshot, transform, tmp_path / "matrix")
    listed = pq.read_table(matrix.directory / "excluded.parquet").to_pylist()
    assert [row["doc_id"] for row in listed] == [xquad.doc_ids[row] for row in at]
    assert all("rounding noise" in row["reason"] for row in listed)
    assert (matrix.n, matrix.facts.excluded) == (238, 2)
    assert matrix.ids.to_pylist() == [name for row, name in enumerate(xquad.doc_ids) if row not in at]
    assert np.array_equal(matrix.vectors(), transform.apply(np.delete(vectors, at, axis=0)))
    assert len(matrix.held_out()) == 238
    assert pq.read_table(matrix.directory / "ids.parquet")["row_id"].to_pylist() == list(range(238))


def test_a_corpus_of_equal_vectors_cannot_be_centred_into_an_export(tmp_path, xquad, fitted):
    corpus = dataclasses.replace(xquad, vectors=np.repeat(xquad.vectors[:1], len(xquad.doc_ids), axis=0))
    snapshot = corpus.snapshot(tmp_path / "shards", strangers=0)
    with pytest.raises(EmptyCorpusError, match="nothing of any vector"):
        make_matrix(snapshot, fitted(snapshot, "center"), tmp_path / "matrix")


def test_a_finished_matrix_is_not_made_again(bank_snapshot, bank_matrix, whitened):
    before = bank_matrix.path.stat().st_mtime_ns
    assert make_matrix(bank_snapshot, whitened, bank_matrix.directory).facts == bank_matrix.facts
    assert bank_matrix.path.stat().st_mtime_ns == before


def test_an_unfinished_folder_is_no_matrix_and_is_made_anew(tmp_path, xquad_snapshot, fitted):
    transform = fitted(xquad_snapshot, "none")
    (tmp_path / "vectors.npy").write_bytes(b"half")
    assert Matrix.load(tmp_path) is None
    assert make_matrix(xquad_snapshot, transform, tmp_path).n == 240


def test_a_transform_of_another_encoder_is_refused(tmp_path, xquad_snapshot, fitted):
    stranger = dataclasses.replace(fitted(xquad_snapshot, "center"), encoder="e" * 16)
    with pytest.raises(IdentityError, match="e{16}.*\n.*" + xquad_snapshot.manifest.encoder):
        make_matrix(xquad_snapshot, stranger, tmp_path / "matrix")
    assert not (tmp_path / "matrix").exists()


def test_vectors_that_cannot_be_of_the_fitted_encoder_are_refused_whatever_its_name(tmp_path, xquad_snapshot, fitted):
    own = fitted(xquad_snapshot, "center")
    longer = dataclasses.replace(own, fitted_mean=own.fitted_mean * 20, fitted_covariance=own.fitted_covariance * 400)
    with pytest.raises(IdentityError, match="length"):
        make_matrix(xquad_snapshot, longer, tmp_path / "matrix")


@pytest.mark.parametrize("place", [0, 100, 238])
def test_two_documents_of_one_id_are_refused(tmp_path, xquad, fitted, monkeypatch, place):
    """hnswlib keeps the last, FAISS both, Chroma the first: no engine may be asked."""
    monkeypatch.setattr("sphering.export.matrix.ordered.ROW_GROUP_ROWS", 101)  # the second pair lies in two blocks
    ids = list(xquad.doc_ids)
    ids[place + 1] = ids[place]
    snapshot = dataclasses.replace(xquad, doc_ids=ids).snapshot(tmp_path / "shards", strangers=0)
    with pytest.raises(IntegrityError, match=f"more than one document has the id '{ids[place]}'"):
        make_matrix(snapshot, fitted(snapshot, "none"), tmp_path / "matrix")


def test_a_snapshot_that_lost_a_row_is_refused(tmp_path, xquad, fitted):
    snapshot = xquad.snapshot(tmp_path / "shards")
    lying = type(snapshot)(dataclasses.replace(snapshot.manifest, documents=241), snapshot.paths, snapshot.dropped_path)
    with pytest.raises(IntegrityError):
        make_matrix(lying, fitted(snapshot, "none"), tmp_path / "matrix")


def test_rows_anywhere_are_read_as_they_are(bank_matrix):
    places = np.array([[5, 0, 5], [bank_matrix.n - 1, 7, 5]])
    assert np.array_equal(bank_matrix.rows_at(places), bank_matrix.vectors()[places])
