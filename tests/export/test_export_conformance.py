"""What every export format must do; a new format passes by being registered."""

from __future__ import annotations

import dataclasses
import json
from typing import get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.export import ExportConfig
from sphering.errors import IntegrityError
from sphering.export.make import make_export, publish, write
from sphering.export.matrix.files import Matrix
from sphering.export.opening import FORMATS, open_format
from sphering.export.protocol import ExportJob
from sphering.export.readback import compare
from sphering.export.verify import verify_export
from sphering.store.documents import create_document
from sphering.store.local_files import LocalFiles

KEY = "corpora/tested/exports/0123456789abcdef"
IDENTITY = {"encoder": "e" * 16, "snapshot": "5" * 16, "transform": "a" * 16, "transform_sha256": "f" * 64}
VECTOR_FILE = {
    "npy": "vectors.npy",
    "fbin": "vectors.fbin",
    "parquet": "vectors.parquet",
    "duckdb": "vectors.duckdb",
    "faiss": "index.faiss",
}
DETERMINISTIC = ("npy", "fbin", "parquet")


@pytest.mark.parametrize("format_name", list(FORMATS))
class TestConformance:
    @pytest.fixture
    def job(self, format_name, tmp_path, xquad_snapshot, fitted, tmp_path_factory):
        from sphering.export.matrix.assemble import make_matrix

        transform = fitted(xquad_snapshot, "center")
        matrix = make_matrix(xquad_snapshot, transform, tmp_path_factory.getbasetemp() / "conformance")
        options = {"index": "Flat"} if format_name == "faiss" else {}
        return ExportJob(
            config=ExportConfig.model_validate({"name": "tested", "format": format_name, **options}),
            matrix=matrix,
            snapshot=xquad_snapshot,
            transform=transform,
            folder=tmp_path / "scratch",
            identity=IDENTITY,
        )

    @pytest.fixture
    def store(self, tmp_path):
        return LocalFiles(tmp_path / "store")

    def test_it_is_the_format_of_its_name(self, format_name):
        chosen = open_format(format_name)
        assert get_args(chosen.config.model_fields["format"].annotation) == (format_name,)
        assert issubclass(chosen.config, ExportConfig)

    def test_the_manifest_says_what_the_export_is(self, job, store, format_name):
        manifest = make_export(store, KEY, job)
        assert (manifest["name"], manifest["format"], manifest["metric"]) == ("tested", format_name, "ip")
        assert (manifest["n"], manifest["d"], manifest["dtype"]) == (240, 384, "float32")
        assert (manifest["excluded"], manifest["non_finite"], manifest["duplicate_vectors"]) == (0, 0, 0)
        assert manifest["approximate"] is False
        assert 0 <= manifest["max_norm_error"] <= 2e-7
        assert {name: manifest[name] for name in IDENTITY} == IDENTITY
        assert manifest["config"].items() >= {"name": "tested", "format": format_name}.items()
        assert set(manifest["libraries"]) >= {"sphering", "pyarrow"}

    def test_every_published_file_is_named_with_its_bytes(self, job, store, format_name):
        manifest = make_export(store, KEY, job)
        published = _names(store.path(KEY))
        assert published == {*manifest["files"], "manifest.json"}
        assert {"excluded.parquet", VECTOR_FILE.get(format_name, "excluded.parquet")} <= published
        assert all(
            store.path(f"{KEY}/{name}").stat().st_size == entry["bytes"] for name, entry in manifest["files"].items()
        )

    def test_its_reader_gives_every_document_in_order_with_its_vector(self, job, store, xquad):
        make_export(store, KEY, job)
        blocks = list(open_format(job.config.format).read(store.path(KEY)))
        assert pa.concat_arrays([block.doc_ids.cast(pa.string()) for block in blocks]).to_pylist() == xquad.doc_ids
        assert np.array_equal(np.concatenate([block.vectors for block in blocks]), job.transform.apply(xquad.vectors))

    def test_a_second_call_adopts_what_is_there(self, job, store):
        first = make_export(store, KEY, job)
        times = {name: store.path(f"{KEY}/{name}").stat().st_mtime_ns for name in first["files"]}
        again = dataclasses.replace(job, folder=job.folder.with_name("other"))
        assert make_export(store, KEY, again) == first
        assert not again.folder.exists()
        assert times == {name: store.path(f"{KEY}/{name}").stat().st_mtime_ns for name in first["files"]}

    def test_a_retry_in_the_same_scratch_folder_starts_again(self, job, store):
        job.folder.mkdir()
        (job.folder / "half-written").write_bytes(b"x")
        assert "half-written" not in make_export(store, KEY, job)["files"]

    def test_files_of_a_killed_run_are_adopted_and_hashed_in_place(self, job, store, format_name):
        write(job)
        name = VECTOR_FILE.get(format_name, "excluded.parquet")
        store.create_from(f"{KEY}/{name}", job.folder / name)
        inode = store.path(f"{KEY}/{name}").stat().st_ino
        make_export(store, KEY, dataclasses.replace(job, folder=job.folder.with_name("second")))
        assert store.path(f"{KEY}/{name}").stat().st_ino == inode
        verify_export(store, KEY)

    def test_files_of_a_killed_run_that_hold_something_else_are_refused(self, job, store, format_name):
        name = VECTOR_FILE.get(format_name, "excluded.parquet")
        store.create(f"{KEY}/{name}", b"not this")
        with pytest.raises(IntegrityError):
            make_export(store, KEY, job)
        assert not store.exists(f"{KEY}/manifest.json")

    def test_a_matrix_with_other_values_does_not_compare_equal(self, job, store, tmp_path):
        make_export(store, KEY, job)
        other = _altered(job.matrix, tmp_path / "altered")
        with pytest.raises(IntegrityError, match="not those that were written"):
            compare(open_format(job.config.format), store.path(KEY), dataclasses.replace(job, matrix=other))

    def test_a_matrix_with_other_ids_does_not_compare_equal(self, job, store, tmp_path):
        make_export(store, KEY, job)
        other = _altered(job.matrix, tmp_path / "altered", swap_ids=True)
        with pytest.raises(IntegrityError, match="ids of rows"):
            compare(open_format(job.config.format), store.path(KEY), dataclasses.replace(job, matrix=other))

    def test_a_whole_export_verifies(self, job, store):
        manifest = make_export(store, KEY, job)
        assert verify_export(store, KEY) == manifest

    def test_every_changed_byte_is_found_and_its_file_named(self, job, store):
        manifest = make_export(store, KEY, job)
        for name in manifest["files"]:
            path = store.path(f"{KEY}/{name}")
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.unlink()
            path.write_bytes(data)
            with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
                verify_export(store, KEY)
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        verify_export(store, KEY)

    def test_a_missing_file_is_named(self, job, store):
        manifest = make_export(store, KEY, job)
        name = next(iter(manifest["files"]))
        store.path(f"{KEY}/{name}").unlink()
        with pytest.raises(IntegrityError, match="missing"):
            verify_export(store, KEY)

    def test_a_manifest_that_counts_other_rows_is_found(self, job, store):
        manifest = make_export(store, KEY, job)
        store.path(f"{KEY}/manifest.json").unlink()
        create_document(store, f"{KEY}/manifest.json", {**manifest, "n": 241})
        with pytest.raises(IntegrityError, match="240 rows"):
            verify_export(store, KEY)

    def test_the_export_is_the_same_whatever_the_shard_layout(self, job, format_name, tmp_path, xquad):
        from sphering.export.matrix.assemble import make_matrix

        write(job)
        snapshot = xquad.snapshot(tmp_path / "shards", shards=9, seed=4, strangers=1)
        matrix = make_matrix(snapshot, job.transform, tmp_path / "matrix")
        write(dataclasses.replace(job, snapshot=snapshot, matrix=matrix, folder=tmp_path / "other"))
        assert compare(open_format(format_name), tmp_path / "other", job).n == 240
        names = sorted(_names(job.folder))
        assert names == sorted(_names(tmp_path / "other"))
        for name in names if format_name in DETERMINISTIC else ["excluded.parquet"]:
            assert (job.folder / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name

    def test_an_unnormalised_vector_never_gets_a_manifest(self, job, store, tmp_path):
        longer = _altered(job.matrix, tmp_path / "altered", scale=1.01)
        wrong = dataclasses.replace(job, matrix=longer)
        write(wrong)
        with pytest.raises(IntegrityError, match="norm"):
            publish(store, KEY, wrong)
        assert not store.exists(f"{KEY}/manifest.json")

    def test_nan_never_gets_a_manifest(self, job, store, tmp_path):
        wrong = dataclasses.replace(job, matrix=_altered(job.matrix, tmp_path / "altered", scale=np.nan))
        write(wrong)
        with pytest.raises(IntegrityError):
            publish(store, KEY, wrong)
        assert not store.exists(f"{KEY}/manifest.json")


def _names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _altered(matrix: Matrix, folder, *, scale: float | None = None, swap_ids: bool = False) -> Matrix:
    """Return a copy of a matrix with two rows or two ids changed, or one row scaled."""
    folder.mkdir()
    vectors = matrix.vectors().copy()
    ids = pq.read_table(matrix.directory / "ids.parquet")
    if scale is not None:
        vectors[7] *= scale
    elif swap_ids:
        names = ids["doc_id"].to_pylist()
        names[3], names[4] = names[4], names[3]
        ids = ids.set_column(1, ids.schema.field(1), pa.array(names))
    else:
        vectors[[10, 11]] = vectors[[11, 10]]
    np.save(folder / "vectors.npy", vectors)
    pq.write_table(ids, folder / "ids.parquet")
    for name in ("excluded.parquet", "held_out.npy"):
        (folder / name).write_bytes((matrix.directory / name).read_bytes())
    (folder / "matrix.json").write_text(json.dumps(dataclasses.asdict(matrix.facts)))
    found = Matrix.load(folder)
    assert found is not None
    return found
