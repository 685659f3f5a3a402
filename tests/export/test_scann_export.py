"""The ScaNN export: partitions where they pay, settings in its own configuration, and no mixture of two builds."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest

from sphering.config.export import ScannConfig
from sphering.errors import InputError, IntegrityError, StorageError
from sphering.export.formats.scann.build import leaves_of, settings_of
from sphering.export.make import make_export, publish, write
from sphering.export.opening import open_format
from sphering.export.verify import verify_export
from sphering.store.local_files import LocalFiles
from tests.export.indexes import KEY, PROBE_SLACK, exact_scores, job_of, served, share_found

pytest.importorskip("scann")

# The settings stand in ScaNN's own configuration: none is passed.
SEARCH = """
from scann.scann_ops.py import scann_ops_pybind
searcher = scann_ops_pybind.load_searcher(folder)
rows, scores = searcher.search_batched(unit)
"""


@pytest.fixture
def store(tmp_path):
    return LocalFiles(tmp_path / "store")


@pytest.fixture
def paragraphs(tmp_path, xquad_snapshot, fitted):
    """The job of a searcher with partitions over XQuAD's paragraphs, as written but not published."""
    job = job_of({"format": "scann", "leaves": 16}, xquad_snapshot, fitted(xquad_snapshot, "center"), tmp_path)
    write(job)
    return job


@pytest.mark.parametrize("options", [{}, {"leaves": 16, "leaves_to_search": 8, "reorder": 30}])
def test_a_fresh_process_reaches_the_recall_of_the_manifest_on_real_questions(
    tmp_path, store, xquad_snapshot, fitted, questions, options
):
    transform = fitted(xquad_snapshot, "center")
    job = job_of({"format": "scann", **options}, xquad_snapshot, transform, tmp_path, questions)
    manifest = make_export(store, KEY, job)
    unit, vectors = transform.apply(questions), job.matrix.vectors()
    rows, scores = served(SEARCH, store.path(KEY), unit, tmp_path)
    assert share_found(rows, unit, vectors) == pytest.approx(manifest["recall_at_10"]["value"], abs=2e-4)
    assert np.abs(scores - exact_scores(rows, unit, vectors)).max() < 2e-6
    assert manifest["recall_at_10"]["value"] >= (0.8 if options else 1.0)
    assert manifest["approximate"] is bool(options)
    assert manifest["settings"] == ({"leaves_to_search": 8, "reorder": 30} if options else {})
    assert verify_export(store, KEY) == manifest


def test_the_recall_of_a_probe_is_what_a_service_finds(tmp_path, store, debian_snapshot, fitted):
    transform = fitted(debian_snapshot, "whiten")
    job = job_of({"format": "scann", "leaves": 56}, debian_snapshot, transform, tmp_path)
    manifest = make_export(store, KEY, job)
    assert (manifest["leaves"], manifest["settings"]) == (56, {"leaves_to_search": 14, "reorder": 200})
    assert manifest["recall_at_10"]["n"] == 1000
    unit = transform.apply(debian_snapshot.sample(500).vectors)
    rows, _ = served(SEARCH, store.path(KEY), unit, tmp_path)
    assert share_found(rows, unit, job.matrix.vectors()) >= manifest["recall_at_10"]["interval"][0] - PROBE_SLACK


def test_settings_are_chosen_by_the_lower_end_of_their_recall_and_stand_where_scann_reads_them(
    tmp_path, store, debian_snapshot, fitted
):
    transform = fitted(debian_snapshot, "center")
    table = {"format": "scann", "leaves": 56, "leaves_to_search": 1, "recall_at_10": 0.9}
    job = job_of(table, debian_snapshot, transform, tmp_path)
    manifest = make_export(store, KEY, job)
    reached = [entry for entry in manifest["tuning"] if entry["recall_at_10"]["interval"][0] >= 0.9]
    assert manifest["settings"] == max(reached, key=lambda entry: entry["queries_per_second"])["settings"]
    assert manifest["settings"]["leaves_to_search"] > 1
    assert json.loads(store.path(f"{KEY}/search.json").read_text())["settings"] == manifest["settings"]
    unit = transform.apply(debian_snapshot.sample(500).vectors)
    rows, _ = served(SEARCH, store.path(KEY), unit, tmp_path)
    assert share_found(rows, unit, job.matrix.vectors()) >= 0.9


def test_a_large_corpus_has_partitions_and_a_small_one_has_none():
    config = ScannConfig(name="x", format="scann")
    assert [leaves_of(config, n) for n in (1, 19_999, 20_000, 1_000_000)] == [0, 0, 141, 1000]
    assert settings_of(config, 1000) == {"leaves_to_search": 250, "reorder": 200}
    assert settings_of(config, 0) == {}
    assert leaves_of(ScannConfig(name="x", format="scann", leaves=0), 1_000_000) == 0


def test_a_probe_has_the_partitions_of_what_ships(tmp_path, debian_snapshot, fitted, monkeypatch):
    monkeypatch.setattr("sphering.export.formats.scann.build.BRUTE_FORCE", 3000)
    job = job_of({"format": "scann"}, debian_snapshot, fitted(debian_snapshot, "center"), tmp_path)
    probe = job.probe(tmp_path / "probe")
    probe.folder.mkdir()
    open_format("scann").write(probe)
    assert probe.rows.n < 3000 < job.rows.n
    assert open_format("scann").searcher(probe, probe.folder).settings == {"leaves_to_search": 14, "reorder": 200}


def test_more_leaves_than_the_vectors_can_train_are_refused_before_anything_is_written(
    tmp_path, store, xquad_snapshot, fitted
):
    job = job_of({"format": "scann", "leaves": 61}, xquad_snapshot, fitted(xquad_snapshot, "none"), tmp_path)
    with pytest.raises(InputError, match=r"leaves = 61[\s\S]*at most 60"):
        make_export(store, KEY, job)
    assert not job.folder.exists()


def test_a_vector_that_is_not_finite_is_refused_before_scann_ends_the_process(tmp_path, paragraphs):
    folder = tmp_path / "altered"
    shutil.copytree(paragraphs.matrix.directory, folder)
    vectors = paragraphs.matrix.vectors().copy()
    vectors[7] = np.nan
    np.save(folder / "vectors.npy", vectors)
    with pytest.raises(IntegrityError, match="not finite"):
        write(dataclasses.replace(paragraphs, matrix=dataclasses.replace(paragraphs.matrix, directory=folder)))


@pytest.fixture
def another_build(tmp_path, paragraphs):
    """The files of a build that ended otherwise, as ScaNN's training may."""
    other = paragraphs.config.model_copy(update={"leaves": 20})
    first = dataclasses.replace(paragraphs, config=other, folder=tmp_path / "first")
    write(first)
    return first.folder


def test_half_of_the_files_of_a_killed_run_make_room_for_all_of_the_next(paragraphs, store, another_build):
    for name in ("hashed_dataset.npy", "search.json"):
        store.create_from(f"{KEY}/{name}", another_build / name)
    manifest = publish(store, KEY, paragraphs)
    assert manifest["settings"]["leaves_to_search"] != 5
    assert verify_export(store, KEY) == manifest
    for name in manifest["files"]:
        assert store.path(f"{KEY}/{name}").read_bytes() == (paragraphs.folder / name).read_bytes()


def test_all_files_of_a_killed_run_are_adopted(paragraphs, store, another_build):
    for path in another_build.iterdir():
        store.create_from(f"{KEY}/{path.name}", path)
    manifest = publish(store, KEY, paragraphs)
    assert manifest["settings"]["leaves_to_search"] == 5
    assert verify_export(store, KEY) == manifest


def test_of_two_publishers_at_once_one_build_ships_whole(paragraphs, store, another_build, monkeypatch):
    """As where a lease was lost: one has found the folder empty, the other places two files, then the first goes on."""
    config = paragraphs.config.model_copy(update={"leaves": 20})
    other = dataclasses.replace(paragraphs, config=config, folder=another_build)
    link, begun, go_on, placed = os.link, threading.Event(), threading.Event(), []

    def in_turns(source, target):
        if Path(source).parent == another_build and not begun.is_set():
            begun.set()
            assert go_on.wait(120)
        if Path(source).parent == paragraphs.folder:
            placed.append(source)
            if len(placed) == 3:
                go_on.set()
                wait([first], 120)
        link(source, target)

    monkeypatch.setattr(os, "link", in_turns)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(publish, store, KEY, other)
        assert begun.wait(120)
        manifest = publish(store, KEY, paragraphs)
    assert first.result() == manifest == verify_export(store, KEY)
    for name in manifest["files"]:
        assert store.path(f"{KEY}/{name}").read_bytes() == (another_build / name).read_bytes()
    assert store.children("temporary") == []


def test_the_files_of_two_builds_are_not_mixed(paragraphs, store, another_build):
    shutil.copyfile(another_build / "hashed_dataset.npy", paragraphs.folder / "hashed_dataset.npy")
    with pytest.raises(IntegrityError, match=r"another build[\s\S]*hashed_dataset\.npy"):
        publish(store, KEY, paragraphs)


def test_scann_itself_has_no_cosine(paragraphs):
    """So that vectors have to be of unit length before: nothing else makes its inner product a cosine."""
    from scann.scann_ops.py import scann_ops_pybind

    with pytest.raises(ValueError, match=r"must be one of \['dot_product', 'squared_l2'\]"):
        scann_ops_pybind.builder(paragraphs.matrix.vectors().copy(), 10, "cosine").score_brute_force().build()


def test_a_searcher_of_another_metric_is_refused(paragraphs, store):
    from scann.scann_ops.py import scann_ops_pybind

    builder = scann_ops_pybind.builder(paragraphs.matrix.vectors().copy(), 10, "squared_l2").score_brute_force()
    builder.build().serialize(str(paragraphs.folder), relative_path=True)
    _say(paragraphs.folder, sha256=None)
    with pytest.raises(IntegrityError, match="metric SquaredL2Distance"):
        publish(store, KEY, paragraphs)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [("longer", "norm other than 1|not those"), ("swapped", "not those"), ("fewer", "vectors 200")],
)
def test_a_searcher_over_other_vectors_is_found(paragraphs, store, wrong, says):
    from scann.scann_ops.py import scann_ops_pybind

    vectors = paragraphs.matrix.vectors().copy()
    if wrong == "longer":
        vectors[7] *= 2
    if wrong == "swapped":
        vectors[[3, 4]] = vectors[[4, 3]]
    if wrong == "fewer":
        vectors = vectors[:200]
    builder = scann_ops_pybind.builder(vectors, 10, "dot_product").score_brute_force()
    builder.build().serialize(str(paragraphs.folder), relative_path=True)
    _say(paragraphs.folder, sha256=None)
    with pytest.raises(IntegrityError, match=says):
        publish(store, KEY, paragraphs)


@pytest.mark.parametrize("name", ["dataset.npy", "hashed_dataset.npy", "serialized_partitioner.pb", "scann_config.pb"])
def test_a_damaged_file_never_reaches_scann(paragraphs, store, name):
    (paragraphs.folder / name).write_bytes(b"not this")
    with pytest.raises(IntegrityError, match=name):
        publish(store, KEY, paragraphs)


def test_a_full_disk_is_an_error_with_what_to_do(paragraphs, small_disk):
    small_disk.leave(64 << 10)
    with pytest.raises(StorageError, match="space"):
        write(dataclasses.replace(paragraphs, folder=small_disk.root / "scratch"))


def test_rows_that_are_not_found_are_none(paragraphs):
    """ScaNN fills up with row 0 and the score NaN."""
    unit = paragraphs.matrix.vectors()[:2].copy()
    searcher = open_format("scann").searcher(paragraphs, paragraphs.folder)
    searcher.put({"leaves_to_search": 1, "reorder": 200})
    found = searcher.search(unit, unit, 200)
    assert (found[:, 0] >= 0).all()
    assert (found[:, -1] == -1).all()
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in found)


def _say(folder, **changes):
    path = folder / "search.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
