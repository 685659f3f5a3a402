"""FAISS indexes of fewer bits and of several settings: measured, tuned, and whole after their settings were changed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sphering.export.formats.faiss.layers import put_settings
from sphering.export.formats.faiss.read import open_index
from sphering.export.make import make_export, write
from sphering.export.opening import open_format
from sphering.store.local_files import LocalFiles
from tests.export.indexes import KEY, job_of, share_found

SERVICE = """
import sys
import numpy as np
import faiss
index = faiss.read_index(sys.argv[1])
np.save(sys.argv[3], index.search(np.load(sys.argv[2]), 10)[1])
assert not any(name.startswith("sphering") for name in sys.modules)
"""


@pytest.fixture
def store(tmp_path):
    return LocalFiles(tmp_path / "store")


def served(index, raw, folder):
    np.save(folder / "raw.npy", raw)
    command = [sys.executable, "-I", "-c", SERVICE, index, folder / "raw.npy", folder / "rows.npy"]
    subprocess.run(command, check=True)
    return np.load(folder / "rows.npy")


@pytest.mark.parametrize(
    ("index", "least"),
    [
        ("SQfp16", 0.99),
        ("SQbf16", 0.99),
        ("PQ48x4fs", 0.5),
        ("PQ48x4fs,RFlat", 0.95),
        ("RaBitQ", 0.6),
        ("RaBitQ,RFlat", 0.98),
        ("IVF16,PQ48x4fs,RFlat", 0.9),
        ("IVF16,RaBitQfs,Refine(SQ8)", 0.9),
    ],
)
def test_strings_of_fewer_bits_are_built_and_their_loss_is_measured_without_a_word_on_stderr(
    tmp_path, store, bank_snapshot, fitted, capfd, index, least
):
    job = job_of({"format": "faiss", "index": index}, bank_snapshot, fitted(bank_snapshot, "center"), tmp_path)
    manifest = make_export(store, KEY, job)
    assert manifest["recall_at_10"]["value"] >= least
    assert manifest["rescored_recall_at_10"]["value"] >= manifest["recall_at_10"]["value"] - 1e-9
    assert manifest["settings"].keys() == {
        *(["nprobe"] if "IVF" in index else []),
        *(["k_factor"] if "RFlat" in index or "Refine" in index else []),
    }
    assert "clustering" not in capfd.readouterr().err


def test_the_rotation_of_opq_is_trained_without_a_word_on_stderr(tmp_path, store, bank_snapshot, fitted, capfd):
    transform = fitted(bank_snapshot, "whiten", form="pca", dimension=16)
    job = job_of({"format": "faiss", "index": "OPQ4,PQ4x4fs,RFlat"}, bank_snapshot, transform, tmp_path)
    assert make_export(store, KEY, job)["recall_at_10"]["value"] > 0.5
    assert "clustering" not in capfd.readouterr().err


@pytest.mark.parametrize("index", ["HNSW16", "IVF32,Flat", "IVF32,PQ48x4fs,RFlat"])
def test_settings_are_chosen_by_the_lower_end_of_their_recall_and_lie_in_the_file(
    tmp_path, store, debian_snapshot, fitted, index
):
    transform = fitted(debian_snapshot, "center")
    table = {"format": "faiss", "index": index, "recall_at_10": 0.9}
    job = job_of(table, debian_snapshot, transform, tmp_path)
    manifest = make_export(store, KEY, job)
    reached = [entry for entry in manifest["tuning"] if entry["recall_at_10"]["interval"][0] >= 0.9]
    fastest = max(reached, key=lambda entry: entry["queries_per_second"])
    assert manifest["settings"] == fastest["settings"]
    assert 0 < len(reached) < len(manifest["tuning"])
    raw = debian_snapshot.sample(500).vectors
    rows = served(store.path(f"{KEY}/index.faiss"), raw, tmp_path)
    assert share_found(rows, transform.apply(raw), job.matrix.vectors()) >= 0.9


def test_given_queries_tune_the_index_that_ships(tmp_path, store, xquad_snapshot, fitted, questions):
    transform = fitted(xquad_snapshot, "whiten", form="pca", dimension=128)
    table = {"format": "faiss", "index": "IVF16,Flat", "recall_at_10": 0.8}
    job = job_of(table, xquad_snapshot, transform, tmp_path, questions)
    manifest = make_export(store, KEY, job)
    assert manifest["recall_at_10"] == {
        **manifest["tuning"][-1]["recall_at_10"],
        "method": manifest["recall_at_10"]["method"],
    }
    rows = served(store.path(f"{KEY}/index.faiss"), questions, tmp_path)
    found = share_found(rows, transform.apply(questions), job.matrix.vectors())
    assert found == pytest.approx(manifest["recall_at_10"]["value"], abs=2e-4)
    assert 1 < manifest["settings"]["nprobe"] < 16


@pytest.mark.parametrize(
    "index", ["HNSW16,SQ8", "IVF8,Flat", "IVF8,PQ16x4fs,RFlat", "RaBitQ,Refine(SQ8)", "IVF8,RaBitQ", "OPQ8_32,PQ8x4"]
)
def test_an_index_whose_settings_were_changed_in_its_file_finds_what_it_would_have_found(
    tmp_path, bank_snapshot, fitted, index
):
    transform = fitted(bank_snapshot, "whiten", form="pca", dimension=64)
    job = job_of({"format": "faiss", "index": index, "truncate_dim": 32}, bank_snapshot, transform, tmp_path)
    write(job)
    raw = np.ascontiguousarray(bank_snapshot.sample(200).vectors)
    settings = {"ef_search": 33, "nprobe": 3, "k_factor": 7}
    held = open_index(job.folder / "index.faiss")
    put_settings(held, settings)
    scores, rows = held.search(raw, 10)
    open_format("faiss").put_settings(job.folder, settings)
    again = open_index(job.folder / "index.faiss").search(raw, 10)
    assert np.array_equal(rows, again[1])
    assert np.array_equal(scores, again[0])


def test_every_list_is_tried_for_every_number_that_is_scored_again(tmp_path, bank_snapshot, fitted):
    job = job_of({"format": "faiss", "index": "IVF8,SQ8,RFlat"}, bank_snapshot, fitted(bank_snapshot, "none"), tmp_path)
    write(job)
    chosen = open_format("faiss")
    ladder = chosen.ladder(job, chosen.searcher(job, job.folder))
    assert ladder[0] == {"nprobe": 1, "k_factor": 1}
    assert [entry["nprobe"] for entry in ladder[:6]] == [1, 2, 3, 4, 6, 8]
    assert ladder[-1] == {"nprobe": 8, "k_factor": 64}
    assert len(ladder) == 6 * 4
