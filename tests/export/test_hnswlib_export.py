"""The hnswlib export: what its library forgets stands beside it, and what it would accept silently is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from sphering.errors import IntegrityError, StorageError
from sphering.export.formats.ladder import CANDIDATES
from sphering.export.make import make_export, publish, write
from sphering.export.opening import open_format
from sphering.store.local_files import LocalFiles
from tests.export.indexes import KEY, PROBE_SLACK, job_of, served, share_found

hnswlib = pytest.importorskip("hnswlib")

SEARCH = """
import hnswlib
index = hnswlib.Index(held["metric"], held["dimension"])
index.load_index(folder + "/index.hnswlib")
index.set_ef(held["settings"]["ef_search"])
rows, distances = index.knn_query(unit, k=10)
scores = 1 - distances
"""


@pytest.fixture
def store(tmp_path):
    return LocalFiles(tmp_path / "store")


@pytest.fixture
def paragraphs(tmp_path, xquad_snapshot, fitted):
    """The job of an index over XQuAD's paragraphs, as written but not published."""
    job = job_of({"format": "hnswlib"}, xquad_snapshot, fitted(xquad_snapshot, "center"), tmp_path)
    write(job)
    return job


def test_the_recall_of_a_probe_is_what_a_service_finds_and_what_it_loses_without_ef(
    tmp_path, store, debian_snapshot, fitted
):
    transform = fitted(debian_snapshot, "whiten")
    job = job_of({"format": "hnswlib"}, debian_snapshot, transform, tmp_path)
    manifest = make_export(store, KEY, job)
    assert manifest["recall_at_10"]["n"] == 1000
    assert "without the 1000 texts" in manifest["recall_at_10"]["method"]
    unit = transform.apply(debian_snapshot.sample(500).vectors)
    rows, _ = served(SEARCH, store.path(KEY), unit, tmp_path)
    forgetful, _ = served(SEARCH.replace("index.set_ef", "# index.set_ef"), store.path(KEY), unit, tmp_path)
    vectors = job.matrix.vectors()
    found = share_found(rows, unit, vectors)
    assert found >= manifest["recall_at_10"]["interval"][0] - PROBE_SLACK
    assert share_found(forgetful, unit, vectors) < found - 0.005


def test_an_ef_is_chosen_by_the_lower_end_of_its_recall_and_written_where_a_service_reads_it(
    tmp_path, store, debian_snapshot, fitted
):
    table = {"format": "hnswlib", "recall_at_10": 0.95}
    manifest = make_export(store, KEY, job_of(table, debian_snapshot, fitted(debian_snapshot, "whiten"), tmp_path))
    last = manifest["tuning"][-1]
    assert last["recall_at_10"]["interval"][0] >= 0.95
    assert all(entry["recall_at_10"]["interval"][0] < 0.95 for entry in manifest["tuning"][:-1])
    held = json.loads(store.path(f"{KEY}/search.json").read_text())
    assert held["settings"] == manifest["settings"] == last["settings"]
    assert manifest["recall_at_10"]["interval"][0] >= 0.95


def test_a_target_out_of_reach_gets_the_best_there_is_and_the_numbers(tmp_path, store, xquad_snapshot, fitted):
    table = {"format": "hnswlib", "recall_at_10": 0.9999, "m": 2, "ef_construction": 2}
    manifest = make_export(store, KEY, job_of(table, xquad_snapshot, fitted(xquad_snapshot, "center"), tmp_path))
    found = [entry["recall_at_10"]["value"] for entry in manifest["tuning"]]
    assert [entry["settings"]["ef_search"] for entry in manifest["tuning"]] == list(CANDIDATES)
    assert manifest["recall_at_10"]["value"] == max(found)


def test_the_graph_of_another_space_is_refused(paragraphs, store):
    _say(paragraphs.folder, metric="l2")
    with pytest.raises(IntegrityError, match="metric l2"):
        publish(store, KEY, paragraphs)


def test_another_dimension_which_hnswlib_accepts_is_refused_by_the_files_header(paragraphs, store):
    silent = hnswlib.Index("ip", 192)
    silent.load_index(str(paragraphs.folder / "index.hnswlib"))
    assert silent.element_count == 240
    _say(paragraphs.folder, dimension=192)
    with pytest.raises(IntegrityError, match="dimension 384"):
        publish(store, KEY, paragraphs)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("longer", "norm other than 1|not those that were written"),
        ("nan", "norm other than 1|not those that were written"),
        ("swapped", "not those that were written"),
        ("overwritten", "vectors 239|contradict each other"),
        ("renamed", "no vector for some row"),
    ],
)
def test_an_index_of_other_vectors_or_labels_is_found(paragraphs, store, wrong, says):
    vectors, labels = paragraphs.matrix.vectors().copy(), np.arange(240)
    if wrong == "longer":
        vectors[7] *= 2
    if wrong == "nan":
        vectors[7] = np.nan
    if wrong == "swapped":
        vectors[[3, 4]] = vectors[[4, 3]]
    if wrong == "overwritten":  # hnswlib puts a vector in the place of the last of the same label
        labels[5] = 4
    if wrong == "renamed":
        labels[239] = 1000
    index = hnswlib.Index("ip", 384)
    index.init_index(240)
    index.add_items(vectors, labels)
    index.save_index(str(paragraphs.folder / "index.hnswlib"))
    with pytest.raises(IntegrityError, match=says):
        publish(store, KEY, paragraphs)


@pytest.mark.parametrize("kept", [0, 50, 2000])
def test_a_file_that_was_cut_short_is_refused(paragraphs, store, kept):
    path = paragraphs.folder / "index.hnswlib"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IntegrityError, match=r"index\.hnswlib"):
        publish(store, KEY, paragraphs)


@pytest.mark.parametrize("at", [0, 8, 24, 32])
def test_a_damaged_header_never_reaches_hnswlib_which_reads_memory_that_is_not_its_own(paragraphs, store, at):
    path = paragraphs.folder / "index.hnswlib"
    whole = bytearray(path.read_bytes())
    whole[at + 2] ^= 0x40
    path.write_bytes(whole)
    with pytest.raises(IntegrityError, match="contradict"):
        publish(store, KEY, paragraphs)


def test_search_settings_without_ef_are_refused(paragraphs, store):
    path = paragraphs.folder / "search.json"
    path.write_text(path.read_text().replace("ef_search", "ef_seerch"))
    with pytest.raises(IntegrityError, match=r"ef_search[\s\S]*search\.json"):
        publish(store, KEY, paragraphs)


def test_search_settings_that_are_missing_are_named(paragraphs, store):
    (paragraphs.folder / "search.json").unlink()
    with pytest.raises(IntegrityError, match=r"search\.json"):
        publish(store, KEY, paragraphs)


def test_a_full_disk_is_an_error_although_hnswlib_keeps_silent(paragraphs, small_disk):
    small_disk.leave(64 << 10)
    with pytest.raises(StorageError, match="space"):
        write(dataclasses.replace(paragraphs, folder=small_disk.root / "scratch"))


def test_of_a_graph_that_falls_apart_what_is_reached_is_found(tmp_path, store, xquad, fitted):
    """hnswlib refuses to answer where equal vectors leave others out of reach."""
    rows = np.repeat(np.arange(3), [400, 400, 4])
    ids = [f"{number:04}" for number in range(len(rows))]
    texts = [f"{xquad.texts[row]} {number}" for number, row in enumerate(rows)]
    crowd = dataclasses.replace(xquad, doc_ids=ids, texts=texts, vectors=xquad.vectors[rows])
    snapshot = crowd.snapshot(tmp_path / "shards", strangers=0)
    job = job_of({"format": "hnswlib", "m": 2, "ef_search": 10}, snapshot, fitted(snapshot, "none"), tmp_path)
    write(job)
    searcher = open_format("hnswlib").searcher(job, job.folder)
    unit = job.matrix.vectors()[[0, 400, 800]].copy()
    with pytest.raises(RuntimeError, match="contiguous"):
        searcher.index.knn_query(unit, k=800)
    found = searcher.search(unit, unit, 800)
    assert found.shape == (3, 800)
    assert (found[:, 0] >= 0).all()
    assert (found[:, -1] == -1).any()


def _say(folder, **changes):
    path = folder / "search.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
