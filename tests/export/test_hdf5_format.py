"""The data set of ann-benchmarks, read by h5py and by the rules of its own loader."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.config.export import ExportConfig
from sphering.config.model import Config
from sphering.errors import IntegrityError
from sphering.export.make import make_export
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.store.local_files import LocalFiles

KEY = "corpora/tested/exports/0123456789abcdef"


@pytest.fixture
def published(tmp_path, xquad_snapshot, fitted, questions):
    from sphering.export.matrix.assemble import make_matrix

    def make(queries=questions[:150], **keys):
        store = LocalFiles(tmp_path / "store")
        transform = fitted(xquad_snapshot, "center")
        matrix = make_matrix(xquad_snapshot, transform, tmp_path / "matrix")
        config = ExportConfig.model_validate({"name": "tested", "format": "hdf5", **keys})
        job = ExportJob(config, matrix, xquad_snapshot, transform, tmp_path / "scratch", queries=queries)
        return store.path(KEY), make_export(store, KEY, job), job

    return make


def test_the_file_has_what_the_loader_of_ann_benchmarks_reads(published, questions):
    folder, manifest, job = published()
    with h5py.File(folder / "vectors.hdf5", "r") as file:
        attributes = dict(file.attrs)
        # Its loader takes the dimension from the attribute or from the first vector, and JSON needs a plain number.
        assert int(attributes["dimension"]) == len(file["train"][0]) == manifest["d"] == 384
        assert (attributes["distance"], attributes["point_type"], attributes["type"]) == ("angular", "float", "dense")
        assert set(file) == {"train", "test", "neighbors", "distances"}
        kinds = {name: (data.shape, data.dtype) for name, data in file.items()}
        assert kinds == {
            "train": ((240, 384), np.dtype("<f4")),
            "test": ((150, 384), np.dtype("<f4")),
            "neighbors": ((150, 100), np.dtype("<i4")),
            "distances": ((150, 100), np.dtype("<f4")),
        }
        assert np.array_equal(file["train"], job.matrix.vectors())
        assert np.array_equal(file["test"], job.transform.apply(questions[:150]))
    assert pq.read_table(folder / "ids.parquet")["doc_id"].to_pylist() == job.matrix.ids.to_pylist()


def test_distances_are_one_less_the_cosine_nearest_first_and_no_vector_is_nearer(published):
    folder, _, _ = published()
    with h5py.File(folder / "vectors.hdf5", "r") as file:
        train, test = file["train"][:].astype(np.float64), file["test"][:].astype(np.float64)
        neighbours, distances = file["neighbors"][:].astype(np.int64), file["distances"][:]
    norms = np.linalg.norm(train, axis=1), np.linalg.norm(test, axis=1)
    angular = 1 - (test @ train.T) / (norms[1][:, None] * norms[0])
    assert (np.diff(distances) >= 0).all()
    assert np.abs(np.take_along_axis(angular, neighbours, axis=1) - distances).max() < 1e-6
    assert np.abs(np.sort(angular, axis=1)[:, :100] - distances).max() < 1e-6
    assert all(len(set(row)) == 100 for row in neighbours.tolist())


def test_fewer_vectors_than_a_hundred_have_as_many_neighbours_as_there_are(tmp_path, matrix_of, fitted, xquad_snapshot):
    vectors = np.random.default_rng(0).standard_normal((37, 384))
    matrix = matrix_of((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))
    config = ExportConfig.model_validate({"name": "tested", "format": "hdf5"})
    transform = fitted(xquad_snapshot, "none")
    queries = np.random.default_rng(1).standard_normal((5, 384)).astype(np.float32)
    job = ExportJob(config, matrix, xquad_snapshot, transform, tmp_path / "scratch", queries=queries)
    make_export(LocalFiles(tmp_path / "store"), KEY, job)
    with h5py.File(tmp_path / "store" / KEY / "vectors.hdf5", "r") as file:
        assert file["neighbors"].shape == (5, 37)


def test_cut_vectors_have_the_neighbours_of_cut_queries(published):
    folder, manifest, _ = published(truncate_dim=32)
    with h5py.File(folder / "vectors.hdf5", "r") as file:
        train, test = file["train"][:].astype(np.float64), file["test"][:].astype(np.float64)
        assert train.shape[1] == test.shape[1] == file.attrs["dimension"] == 32
        assert np.abs(np.linalg.norm(test, axis=1) - 1).max() < 2e-7
        assert np.abs(np.sort(1 - test @ train.T, axis=1)[:, :100] - file["distances"]).max() < 1e-6
    assert manifest["recall_at_10"]["value"] < 1


@pytest.mark.parametrize("damage", ["cut", "no train", "text", "fewer"])
def test_a_file_that_is_not_what_was_written_is_found(published, damage):
    folder, _, _ = published()
    path = folder / "vectors.hdf5"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "text":
        path.write_bytes(b"not this")
    else:
        with h5py.File(path, "r+") as file:
            train = file["train"][:-1]
            del file["train"]
            if damage == "fewer":
                file["train"] = train
    with pytest.raises(IntegrityError):
        list(open_format("hdf5").read(folder))


def test_without_h5py_it_is_refused_with_what_to_install():
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from sphering.config.export import ExportConfig; from sphering.export.opening import check_export\n"
        "check_export(ExportConfig.model_validate({'name': 'x', 'format': 'hdf5'}), 8)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert 'pip install "sphering[hdf5]"' in done.stderr


@pytest.mark.parametrize("table", [{"format": "hdf5"}, {"format": "fbin", "ground_truth": 10}], ids=["hdf5", "fbin"])
def test_a_configuration_without_queries_is_refused_before_anything_is_read(table):
    values = {"corpus": "c", "source": {"path": "x.jsonl"}, "export": [{"name": "bench", **table}]}
    with pytest.raises(ValueError, match="'bench' finds the exact neighbours of queries, and there are none"):
        Config.model_validate(values)
    asked = {"queries": "q.jsonl", "qrels": "r.tsv"}
    assert Config.model_validate({**values, "evaluation": asked}).export[0].needs_queries
