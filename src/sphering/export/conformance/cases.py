"""The class that every format passes: what is published, read, refused, found again and searched."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from sphering.config.export import ExportConfig
from sphering.config.model import TransformConfig
from sphering.errors import IntegrityError, SpheringError
from sphering.export.conformance.altered import scaled_row, swapped_ids, swapped_rows
from sphering.export.conformance.corpus import Corpus, synthetic
from sphering.export.make import make_export, publish, write
from sphering.export.matrix.assemble import MAX_NORM_ERROR, make_matrix
from sphering.export.matrix.files import EXCLUDED, IDS, Matrix
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob, Format, IndexFormat
from sphering.export.readback import compare
from sphering.export.verify import verify_export
from sphering.geometry.moments import Moments
from sphering.identity import canonical_json, sha256_file
from sphering.store.documents import create_document
from sphering.store.layout import MANIFEST
from sphering.store.local_files import LocalFiles
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform, fit

KEY = "corpora/tested/exports/0123456789abcdef"
IDENTITY = {"encoder": "e" * 16, "snapshot": "5" * 16, "transform": "a" * 16, "transform_sha256": "f" * 64}
_FILES = 12
_SLACK = 1e-6


class ExportConformance:
    """Subclass it, set `table` to your [[export]] table without its name, and run pytest.

    The corpus is small and synthetic, with odd ids, equal texts and metadata of every type; override the fixture
    `corpus` for another one, or `options` for more than one table.

    Attributes
    ----------
    table : dict
        Such as `{"format": "mine"}`.
    """

    table: ClassVar[dict[str, Any]] = {}

    def has_same_bytes(self, options: dict[str, Any]) -> bool:
        """Return whether equal rows give equal files; an index may depend on the order of its threads."""
        return not isinstance(open_format(options["format"]), IndexFormat)

    def read_metadata(self, folder: Path) -> list[str] | None:
        """Return the metadata of every document as a published folder holds it, as JSON; None where it has none."""
        ids = folder / IDS
        return pq.read_table(ids)["metadata"].to_pylist() if ids.is_file() else None

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        """Return the table that is tested."""
        return self.table

    @pytest.fixture(scope="class")
    def corpus(self) -> Corpus:
        """Return the documents that are exported."""
        return synthetic()

    @pytest.fixture(scope="class")
    def snapshot(self, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
        return corpus.snapshot(tmp_path_factory.mktemp("snapshot") / "shards", shards=3)

    @pytest.fixture(scope="class")
    def transform(self, snapshot: Snapshot) -> Transform:
        moments = Moments.empty(snapshot.dimension)
        for block in snapshot.vectors():
            moments.update(block)
        config = TransformConfig(kind="center")
        return fit(config, moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)

    @pytest.fixture(scope="class")
    def matrix(self, snapshot: Snapshot, transform: Transform, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
        return make_matrix(snapshot, transform, tmp_path_factory.mktemp("matrix"))

    @pytest.fixture(scope="class")
    def queries(self, corpus: Corpus) -> NDArray[np.float32]:
        """Return raw query vectors that no document has: means of two."""
        return (corpus.vectors[:40] + corpus.vectors[40:80]) / np.float32(2)

    @pytest.fixture
    def job(
        self,
        options: dict[str, Any],
        matrix: Matrix,
        snapshot: Snapshot,
        transform: Transform,
        queries: NDArray[np.float32],
        tmp_path: Path,
    ) -> ExportJob:
        return ExportJob(
            config=_config(options),
            matrix=matrix,
            snapshot=snapshot,
            transform=transform,
            folder=tmp_path / "scratch",
            identity=IDENTITY,
            queries=queries,
        )

    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalFiles:
        return LocalFiles(tmp_path / "store")

    @pytest.fixture(scope="class")
    def made_once(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return where the exports lie that the tests of a class share."""
        return tmp_path_factory.mktemp("made")

    @pytest.fixture
    def published(self, job: ExportJob, store: LocalFiles, made_once: Path) -> dict[str, Any]:
        """Return the manifest of the job's export, which lies in the store: a copy of what is made once a table."""
        kept = LocalFiles(made_once / hashlib.sha256(canonical_json(job.config.model_dump(mode="json"))).hexdigest())
        manifest = make_export(kept, KEY, job)
        shutil.copytree(kept.path(KEY), store.path(KEY))
        return manifest

    def test_the_table_is_of_the_format_that_it_names(self, options: dict[str, Any]) -> None:
        chosen = open_format(options["format"])
        assert issubclass(chosen.config, ExportConfig)
        assert type(_config(options)) is chosen.config

    def test_the_manifest_says_what_the_export_is(self, job: ExportJob, published: dict[str, Any]) -> None:
        manifest, rows, chosen = published, job.rows, _format(job)
        vectors = job.matrix.vectors()
        assert (manifest["name"], manifest["format"], manifest["metric"]) == ("tested", job.config.format, "ip")
        assert (manifest["n"], manifest["d"], manifest["excluded"], manifest["non_finite"]) == (rows.n, rows.d, 0, 0)
        assert manifest["duplicate_vectors"] == len(vectors) - len(np.unique(vectors, axis=0))
        assert manifest["approximate"] is not chosen.is_exact(job.config)
        assert manifest["max_norm_error"] >= 0
        assert manifest["max_norm_error"] <= MAX_NORM_ERROR or manifest["dtype"] != "float32"
        assert {name: manifest[name] for name in IDENTITY} == IDENTITY
        assert manifest["config"] == job.config.model_dump(mode="json")
        assert set(manifest["libraries"]) == {"sphering", *chosen.libraries}
        assert manifest["bytes_per_vector"] > 0

    def test_every_published_file_is_named_with_its_bytes(self, published: dict[str, Any], store: LocalFiles) -> None:
        folder = store.path(KEY)
        assert {path.name for path in folder.iterdir()} == {*published["files"], MANIFEST}
        assert EXCLUDED in published["files"]
        for name, entry in published["files"].items():
            assert (folder / name).stat().st_size == entry["bytes"]
            assert sha256_file(folder / name) == entry["sha256"]

    def test_its_reader_gives_every_document_in_order_with_its_vector(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles, corpus: Corpus
    ) -> None:
        doc_ids, vectors = _read(job, store.path(KEY))
        assert doc_ids == corpus.doc_ids
        if vectors is not None:
            unit = job.rows.cut(job.transform.apply(corpus.vectors))
            assert np.array_equal(vectors, np.concatenate(list(_format(job).expected(job))))
            cosine = np.einsum("ij,ij->i", vectors, unit) / np.linalg.norm(vectors, axis=1)
            assert cosine.min() > (0.999 if _dtype(job) != "binary" else 0.5)
            assert np.array_equal(vectors, unit) or _dtype(job) != "float32"

    def test_a_second_call_adopts_what_is_there(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles
    ) -> None:
        times = {name: store.path(f"{KEY}/{name}").stat().st_mtime_ns for name in published["files"]}
        again = replace(job, folder=job.folder.with_name("other"))
        assert make_export(store, KEY, again) == published
        assert not again.folder.exists()
        assert times == {name: store.path(f"{KEY}/{name}").stat().st_mtime_ns for name in published["files"]}

    def test_a_retry_in_the_same_scratch_folder_starts_again(self, job: ExportJob, store: LocalFiles) -> None:
        job.folder.mkdir()
        (job.folder / "half-written").write_bytes(b"x")
        assert "half-written" not in make_export(store, KEY, job)["files"]

    def test_files_of_a_killed_run_are_adopted_and_hashed_in_place(self, job: ExportJob, store: LocalFiles) -> None:
        write(job)
        name = _largest(job.folder)
        store.create_from(f"{KEY}/{name}", job.folder / name)
        inode = store.path(f"{KEY}/{name}").stat().st_ino
        make_export(store, KEY, replace(job, folder=job.folder.with_name("second")))
        assert store.path(f"{KEY}/{name}").stat().st_ino == inode
        verify_export(store, KEY)

    def test_files_of_a_killed_run_that_hold_something_else_are_refused_or_make_room(
        self, job: ExportJob, store: LocalFiles
    ) -> None:
        write(job)
        store.create(f"{KEY}/{_largest(job.folder)}", b"not this")
        if _format(job).one_build:
            assert make_export(store, KEY, job) == verify_export(store, KEY)
            return
        with pytest.raises(IntegrityError):
            make_export(store, KEY, job)
        assert not store.exists(f"{KEY}/{MANIFEST}")

    def test_a_matrix_with_other_values_does_not_compare_equal(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles, tmp_path: Path
    ) -> None:
        if _read(job, store.path(KEY))[1] is None:
            pytest.skip("its engine gives no vectors back")
        other = swapped_rows(job.matrix, tmp_path / "altered")
        with pytest.raises(IntegrityError, match="not those that were written"):
            compare(_format(job), store.path(KEY), replace(job, matrix=other))

    def test_a_matrix_with_other_ids_does_not_compare_equal(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles, tmp_path: Path
    ) -> None:
        other = swapped_ids(job.matrix, tmp_path / "altered")
        with pytest.raises(IntegrityError, match="ids of rows"):
            compare(_format(job), store.path(KEY), replace(job, matrix=other))

    def test_every_changed_byte_is_found_and_its_file_named(self, published: dict[str, Any], store: LocalFiles) -> None:
        names = sorted(published["files"])
        for name in names[:: -(-len(names) // _FILES)]:
            path = store.path(f"{KEY}/{name}")
            whole = path.read_bytes()
            changed = bytearray(whole)
            changed[len(changed) // 2] ^= 1
            _put(path, bytes(changed))
            with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
                verify_export(store, KEY)
            _put(path, whole)
        assert verify_export(store, KEY) == published

    def test_a_missing_file_is_named(self, published: dict[str, Any], store: LocalFiles) -> None:
        name = next(iter(published["files"]))
        store.path(f"{KEY}/{name}").unlink()
        with pytest.raises(IntegrityError, match="missing"):
            verify_export(store, KEY)

    def test_a_manifest_that_counts_other_rows_is_found(self, published: dict[str, Any], store: LocalFiles) -> None:
        store.path(f"{KEY}/{MANIFEST}").unlink()
        create_document(store, f"{KEY}/{MANIFEST}", {**published, "n": published["n"] + 1})
        with pytest.raises(IntegrityError, match=f"{published['n']} rows"):
            verify_export(store, KEY)

    def test_the_export_is_the_same_whatever_the_layout_of_the_snapshot(
        self, job: ExportJob, options: dict[str, Any], corpus: Corpus, tmp_path: Path
    ) -> None:
        write(job)
        snapshot = corpus.snapshot(tmp_path / "shards", shards=9, seed=4, strangers=1)
        matrix = make_matrix(snapshot, job.transform, tmp_path / "matrix")
        write(replace(job, snapshot=snapshot, matrix=matrix, folder=tmp_path / "other"))
        assert compare(_format(job), tmp_path / "other", job).n == job.rows.n
        names = sorted(path.name for path in job.folder.iterdir())
        assert names == sorted(path.name for path in (tmp_path / "other").iterdir())
        for name in names if self.has_same_bytes(options) else [EXCLUDED]:
            assert (job.folder / name).read_bytes() == (tmp_path / "other" / name).read_bytes(), name

    @pytest.mark.parametrize("factor", [1.01, np.nan], ids=["unnormalised", "NaN"])
    def test_a_vector_that_is_none_of_unit_length_never_gets_a_manifest(
        self, job: ExportJob, store: LocalFiles, tmp_path: Path, factor: float
    ) -> None:
        wrong = replace(job, matrix=scaled_row(job.matrix, tmp_path / "altered", factor))
        with pytest.raises(SpheringError):
            self._published(store, wrong)
        assert not store.exists(f"{KEY}/{MANIFEST}")

    def test_a_probe_holds_the_rows_that_are_not_left_out(self, job: ExportJob, corpus: Corpus, tmp_path: Path) -> None:
        probe = job.probe(tmp_path / "probe")
        probe.folder.mkdir()
        _format(job).write(probe)
        left_out = job.matrix.held_out()
        assert 0 < left_out.sum() < len(left_out)
        assert compare(_format(job), probe.folder, probe).n == len(left_out) - left_out.sum()
        kept = [doc_id for doc_id, out in zip(corpus.doc_ids, left_out, strict=True) if not out]
        assert _read(probe, probe.folder)[0] == kept

    def test_vectors_are_cut_and_normalised_again(self, job: ExportJob, store: LocalFiles, corpus: Corpus) -> None:
        half = job.matrix.d // 2
        shorter = replace(job, config=job.config.model_copy(update={"truncate_dim": half}))
        manifest = make_export(store, KEY, shorter)
        assert manifest["d"] == half
        assert manifest["approximate"] is True
        doc_ids, vectors = _read(shorter, store.path(KEY))
        assert doc_ids == corpus.doc_ids
        if vectors is not None and _dtype(job) == "float32":
            unit = job.transform.apply(corpus.vectors)[:, :half].astype(np.float64)
            unit /= np.linalg.norm(unit, axis=1, keepdims=True)
            assert np.abs(vectors - unit).max() < 1e-7
        assert verify_export(store, KEY) == manifest

    def test_metadata_have_the_columns_that_are_asked_for(
        self, job: ExportJob, store: LocalFiles, corpus: Corpus
    ) -> None:
        column = job.snapshot.manifest.metadata[-1]
        make_export(store, KEY, replace(job, config=job.config.model_copy(update={"metadata": (column,)})))
        found = self.read_metadata(store.path(KEY))
        if found is not None:
            assert [json.loads(text) for text in found] == [{column: row[column]} for row in corpus.columns]

    def test_metadata_are_those_of_the_documents(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles, corpus: Corpus
    ) -> None:
        found = self.read_metadata(store.path(KEY))
        if found is not None:
            wanted = job.config.metadata
            columns = wanted if wanted is not None else job.snapshot.manifest.metadata
            assert [json.loads(text) for text in found] == [
                {name: row[name] for name in columns} for row in corpus.columns
            ]

    def test_a_search_finds_as_much_as_the_manifest_says(
        self, job: ExportJob, published: dict[str, Any], store: LocalFiles
    ) -> None:
        folder = store.path(KEY)
        raw: NDArray[np.float32] = job.queries  # type: ignore[assignment]
        unit = job.transform.apply(raw)
        exact = unit.astype(np.float64) @ job.matrix.vectors().astype(np.float64).T
        searcher = _format(job).searcher(job, folder)
        if searcher is None:
            vectors = _read(job, folder)[1]
            assert vectors is not None, "a format that gives no vectors back needs a searcher"
            found = np.argsort(-(job.rows.cut(unit) @ vectors.T), axis=1)
            assert [_recall(found[:, :k], exact, k) for k in (1, 10)] == [1.0, 1.0]
            assert "recall_at_10" not in published
            return
        hundred = min(100, job.rows.n)
        for k in (1, 10, hundred):
            measured = _recall(searcher.search(raw, unit, k), exact, k)
            assert measured == pytest.approx(published[f"recall_at_{k if k < 11 else 100}"]["value"], abs=1e-9)
        rescored = _recall(searcher.search(raw, unit, hundred), exact, 10)
        assert rescored == pytest.approx(published["rescored_recall_at_10"]["value"], abs=1e-9)

    def _published(self, store: LocalFiles, job: ExportJob) -> dict[str, Any]:
        write(job)
        return publish(store, KEY, job)


def _config(options: dict[str, Any]) -> ExportConfig:
    return ExportConfig.model_validate({"name": "tested", **options})


def _format(job: ExportJob) -> Format:
    return open_format(job.config.format)


def _dtype(job: ExportJob) -> str:
    return getattr(job.config, "dtype", "float32")


def _read(job: ExportJob, folder: Path) -> tuple[list[str], NDArray[np.float32] | None]:
    blocks = list(_format(job).read(folder))
    doc_ids = pa.concat_arrays([block.doc_ids.cast(pa.string()) for block in blocks]).to_pylist()
    vectors = [block.vectors for block in blocks if block.vectors is not None]
    return doc_ids, np.concatenate(vectors) if len(vectors) == len(blocks) else None


def _largest(folder: Path) -> str:
    """Return the file that holds the vectors."""
    files = [path for path in folder.iterdir() if path.name not in (EXCLUDED, IDS)]
    return max(files, key=lambda path: (path.stat().st_size, path.name)).name


def _put(path: Path, data: bytes) -> None:
    path.unlink()  # published files may be links
    path.write_bytes(data)


def _recall(found: NDArray[np.int64], exact: NDArray[np.float64], k: int) -> float:
    """Return the mean share of the k best scores that were found, counted one query after the other."""
    shares = []
    for rows, scores in zip(found, exact, strict=True):
        least = np.sort(scores)[-k] - _SLACK
        hits = sum(scores[row] >= least for row in set(rows.tolist()) if row >= 0)
        shares.append(min(hits, k) / k)
    return float(np.mean(shares))
