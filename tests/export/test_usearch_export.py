"""The usearch export: fewer bits whose scores are cosines, what its file forgets, and what usearch would accept."""

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

usearch = pytest.importorskip("usearch.index")

SEARCH = """
from usearch.index import Index
index = Index.restore(folder + "/index.usearch", view=True)
index.expansion_search = held["settings"]["expansion_search"]
if held["dtype"] == "int8":
    unit = np.rint(unit * (127 / np.abs(unit).max(axis=1, keepdims=True))).astype(np.int8)
matches = index.search(unit, 10)
rows, scores = matches.keys, 1 - matches.distances
"""


@pytest.fixture
def store(tmp_path):
    return LocalFiles(tmp_path / "store")


@pytest.fixture
def paragraphs(tmp_path, xquad_snapshot, fitted):
    """Return the job of an index over XQuAD's paragraphs, as written but not published."""

    def make(**options):
        table = {"format": "usearch", **options}
        job = job_of(table, xquad_snapshot, fitted(xquad_snapshot, "center"), tmp_path)
        write(job)
        return job

    return make


def test_int8_finds_what_usearchs_own_cast_of_an_inner_product_loses(
    tmp_path, store, xquad_snapshot, fitted, questions
):
    """Its scores are whole numbers in the thousands, and it cuts every number towards zero."""
    transform = fitted(xquad_snapshot, "center")
    job = job_of({"format": "usearch", "dtype": "int8"}, xquad_snapshot, transform, tmp_path, questions)
    manifest = make_export(store, KEY, job)
    unit, vectors = transform.apply(questions), job.matrix.vectors()
    own = usearch.Index(ndim=384, metric="ip", dtype="i8", expansion_search=128)
    own.add(np.arange(len(vectors)), vectors.copy())
    found = own.search(unit, 10)
    assert found.distances.max() < -100
    assert manifest["index_metric"] == "cos"
    assert share_found(found.keys.astype(np.int64), unit, vectors) < manifest["recall_at_10"]["interval"][0]


def test_fewer_bits_make_a_smaller_file(tmp_path, xquad_snapshot, fitted, questions):
    transform, sizes = fitted(xquad_snapshot, "none"), []
    for dtype in ("float32", "bfloat16", "int8"):
        table = {"format": "usearch", "dtype": dtype}
        manifest = make_export(
            LocalFiles(tmp_path / dtype), KEY, job_of(table, xquad_snapshot, transform, tmp_path, questions)
        )
        sizes.append(manifest["bytes_per_vector"])
    assert sizes[0] > sizes[1] + 700 > sizes[2] + 1000


def test_the_recall_of_a_probe_is_what_a_service_finds_and_what_it_loses_without_its_expansion(
    tmp_path, store, debian_snapshot, fitted
):
    transform = fitted(debian_snapshot, "whiten")
    table = {"format": "usearch", "dtype": "float16", "expansion_search": 512}
    job = job_of(table, debian_snapshot, transform, tmp_path)
    manifest = make_export(store, KEY, job)
    assert manifest["recall_at_10"]["n"] == 1000
    unit, vectors = transform.apply(debian_snapshot.sample(500).vectors), job.matrix.vectors()
    rows, _ = served(SEARCH, store.path(KEY), unit, tmp_path)
    forgetful, _ = served(SEARCH.replace("index.expansion", "# index."), store.path(KEY), unit, tmp_path)
    assert share_found(rows, unit, vectors) >= manifest["recall_at_10"]["interval"][0] - PROBE_SLACK
    assert share_found(forgetful, unit, vectors) < share_found(rows, unit, vectors)


def test_an_expansion_is_chosen_by_the_lower_end_of_its_recall_and_written_where_a_service_reads_it(
    tmp_path, store, debian_snapshot, fitted
):
    table = {"format": "usearch", "dtype": "bfloat16", "recall_at_10": 0.95, "expansion_search": 1}
    manifest = make_export(store, KEY, job_of(table, debian_snapshot, fitted(debian_snapshot, "whiten"), tmp_path))
    last = manifest["tuning"][-1]
    assert last["recall_at_10"]["interval"][0] >= 0.95
    assert all(entry["recall_at_10"]["interval"][0] < 0.95 for entry in manifest["tuning"][:-1])
    held = json.loads(store.path(f"{KEY}/search.json").read_text())
    assert held["settings"] == manifest["settings"] == last["settings"]


def test_a_target_that_int8_cannot_reach_gets_the_best_there_is_and_the_numbers(
    tmp_path, store, xquad_snapshot, fitted, questions
):
    table = {"format": "usearch", "dtype": "int8", "recall_at_10": 0.9999}
    job = job_of(table, xquad_snapshot, fitted(xquad_snapshot, "center"), tmp_path, questions)
    manifest = make_export(store, KEY, job)
    found = [entry["recall_at_10"]["value"] for entry in manifest["tuning"]]
    assert len(found) == len(CANDIDATES)
    assert manifest["recall_at_10"]["value"] == max(found) < 0.9999


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({"metric": "l2sq"}, "metric l2sq"),
        ({"metric": "cos"}, "metric cos"),
        ({"dtype": "f16"}, "dtype float16"),
        ({"ndim": 192}, "dimension 192"),
    ],
)
def test_an_index_of_another_kind_is_refused(paragraphs, store, made, says):
    job = paragraphs()
    index = usearch.Index(**{"ndim": 384, "metric": "ip", "dtype": "f32", **made})
    index.add(np.arange(240), np.ascontiguousarray(job.matrix.vectors()[:, : index.ndim]))
    index.save(str(job.folder / "index.usearch"))
    with pytest.raises(IntegrityError, match=says):
        publish(store, KEY, job)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("nan", "norm other than 1|not those that were written"),
        ("swapped", "not those that were written"),
        ("fewer", "vectors 239"),
        ("renamed", "no vector for some row"),
    ],
)
def test_an_index_of_other_vectors_or_keys_is_found(paragraphs, store, dtype, wrong, says):
    job = paragraphs(dtype=dtype)
    path = str(job.folder / "index.usearch")
    index = usearch.Index.restore(path)
    vectors, moved = np.stack(index.get(np.arange(240))), {"nan": [7], "swapped": [3, 4]}.get(wrong, [239])
    index.remove(np.array(moved))
    if wrong == "nan":
        index.add(7, vectors[7] * (np.nan if dtype == "float32" else 0))
    if wrong == "swapped":
        index.add(np.array([4, 3]), vectors[[3, 4]])
    if wrong == "renamed":
        index.add(1000, vectors[239])
    index.save(path)
    with pytest.raises(IntegrityError, match=says):
        publish(store, KEY, job)


def test_an_unnormalised_vector_is_found(paragraphs, store):
    job = paragraphs()
    vectors = job.matrix.vectors().copy()
    vectors[7] *= 2
    index = usearch.Index(ndim=384, metric="ip", dtype="f32")
    index.add(np.arange(240), vectors)
    index.save(str(job.folder / "index.usearch"))
    with pytest.raises(IntegrityError, match="not those that were written"):
        publish(store, KEY, job)


def test_a_key_that_is_added_twice_is_refused_by_usearch_itself(paragraphs):
    index = usearch.Index.restore(str(paragraphs().folder / "index.usearch"))
    with pytest.raises(RuntimeError, match="Duplicate"):
        index.add(5, np.zeros(384, np.float32))


def test_search_settings_without_expansion_are_refused(paragraphs, store):
    job = paragraphs()
    path = job.folder / "search.json"
    path.write_text(path.read_text().replace("expansion_search", "expansion_saerch"))
    with pytest.raises(IntegrityError, match=r"expansion_search[\s\S]*search\.json"):
        publish(store, KEY, job)


@pytest.mark.parametrize("kept", [0, 50, 2000])
def test_a_file_that_was_cut_short_is_refused(paragraphs, store, kept):
    job = paragraphs()
    path = job.folder / "index.usearch"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IntegrityError, match=r"index\.usearch"):
        publish(store, KEY, job)


def test_a_full_disk_is_an_error_with_what_to_do(paragraphs, small_disk):
    job = paragraphs()
    small_disk.leave(64 << 10)
    with pytest.raises(StorageError, match="space"):
        write(dataclasses.replace(job, folder=small_disk.root / "scratch"))


def test_rows_that_are_not_found_are_none(paragraphs):
    job = paragraphs()
    unit = job.matrix.vectors()[:2].copy()
    searcher = open_format("usearch").searcher(job, job.folder)
    for queries in (unit, unit[:1]):
        found = searcher.search(queries, queries, 250)
        assert (found[:, 0] == np.arange(len(queries))).all()
        assert (found[:, 240:] == -1).all()
        assert (found[:, :200] >= 0).all()
