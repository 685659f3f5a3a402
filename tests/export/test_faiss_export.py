"""The FAISS export: raw queries in, the pipeline's scores out, and every trap of the library refused."""

from __future__ import annotations

import dataclasses
import resource
import subprocess
import sys

import numpy as np
import pytest

from sphering.config.export import FaissConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.formats.faiss.build import build, open_factory, put_chain
from sphering.export.formats.faiss.layers import layers, read_settings
from sphering.export.formats.faiss.read import open_index
from sphering.export.make import make_export, publish, write
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.rows import Rows
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.export.readback import compare
from sphering.export.search import search
from sphering.export.verify import verify_export
from sphering.store.local_files import LocalFiles

KEY = "corpora/tested/exports/0123456789abcdef"

# What a service does: faiss and numpy, nothing of ours.
SERVICE = """
import sys
import numpy as np
import faiss
index = faiss.read_index(sys.argv[1])
scores, ids = index.search(np.load(sys.argv[2]), 10)
assert not any(name.startswith("sphering") for name in sys.modules)
np.savez(sys.argv[3], scores=scores, ids=ids, metric=index.metric_type)
"""


@pytest.fixture
def store(tmp_path):
    return LocalFiles(tmp_path / "store")


@pytest.fixture
def make_job(tmp_path, tmp_path_factory):
    def make(snapshot, transform, queries=None, **options):
        folder = tmp_path_factory.getbasetemp() / f"faiss-{snapshot.manifest.documents}-{transform.sha256[:12]}"
        return ExportJob(
            config=FaissConfig(name="index", format="faiss", **options),
            matrix=make_matrix(snapshot, transform, folder),
            snapshot=snapshot,
            transform=transform,
            folder=tmp_path / "scratch",
            queries=queries,
        )

    return make


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("none", {}),
        ("center", {}),
        ("standard", {}),
        ("abtt", {"components": 2}),
        ("whiten", {}),
        ("whiten", {"form": "pca", "dimension": 64}),
    ],
)
def test_a_fresh_process_with_raw_queries_gets_the_pipelines_top_ten(
    tmp_path, store, make_job, bank_snapshot, fitted, encoding, kind, parameters
):
    transform = fitted(bank_snapshot, kind, **parameters)
    manifest = make_export(store, KEY, make_job(bank_snapshot, transform, index="Flat"))
    raw = encoding.vectors(["Where is my card?", "the exchange rate is wrong", "bonjour", "top up by cheque"])
    np.save(tmp_path / "raw.npy", raw)
    command = [
        sys.executable,
        "-I",
        "-c",
        SERVICE,
        store.path(f"{KEY}/index.faiss"),
        tmp_path / "raw.npy",
        tmp_path / "out.npz",
    ]
    subprocess.run(command, check=True)
    found = np.load(tmp_path / "out.npz")
    ours = search(bank_snapshot, transform, transform.apply(raw), 10)
    # Whitening multiplies directions of small variance, and with them the float32 rounding of the chain.
    assert np.abs(found["scores"] - ours.scores).max() < (2e-6 if kind == "whiten" else 1e-6)
    names = np.array(make_job(bank_snapshot, transform, index="Flat").matrix.ids.to_pylist())
    assert (names[found["ids"]] == ours.doc_ids).mean() > 0.9
    assert int(found["metric"]) == 0
    assert manifest["transform_error"] < 1e-4


def test_a_flat_index_is_exact_and_says_so(store, make_job, bank_snapshot, whitened):
    manifest = make_export(store, KEY, make_job(bank_snapshot, whitened, index="Flat"))
    assert manifest["approximate"] is False
    assert manifest["recall_at_10"]["value"] == 1.0
    assert manifest["recall_at_10"]["n"] == 1000


def test_the_recall_of_an_hnsw_index_is_measured_on_texts_that_its_probe_does_not_hold(
    store, make_job, bank_snapshot, whitened
):
    manifest = make_export(store, KEY, make_job(bank_snapshot, whitened, index="HNSW32"))
    recall = manifest["recall_at_10"]
    assert manifest["approximate"] is True
    assert 0.9 <= recall["value"] <= 1
    assert (recall["kind"], recall["n"]) == ("sampled", 1000)
    low, high = recall["interval"]
    assert low <= recall["value"] <= high
    assert "without the 1000 texts" in recall["method"]
    assert manifest["settings"] == {"ef_search": 128}


def test_given_queries_are_put_to_the_index_itself(store, make_job, xquad_snapshot, fitted, questions):
    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "center"), questions, index="HNSW32")
    recall = make_export(store, KEY, job)["recall_at_10"]
    assert recall["n"] == len(questions)
    assert recall["value"] >= 0.9
    assert "evaluation" in recall["method"]


def test_a_small_corpus_is_probed_with_half_of_its_texts(store, make_job, xquad_snapshot, fitted):
    manifest = make_export(store, KEY, make_job(xquad_snapshot, fitted(xquad_snapshot, "none"), index="HNSW16"))
    assert manifest["recall_at_10"]["n"] == 120


def test_a_coarse_index_has_a_lower_recall_than_a_fine_one(store, make_job, bank_snapshot, whitened):
    job = make_job(bank_snapshot, whitened, index="IVF16,Flat", nprobe=1)
    coarse = make_export(store, KEY, job)
    fine = make_export(store, KEY[:-1] + "0", dataclasses.replace(job, config=_with(job.config, nprobe=16)))
    assert coarse["recall_at_10"]["interval"][1] < fine["recall_at_10"]["interval"][0]
    assert (coarse["settings"], fine["settings"]) == ({"nprobe": 1}, {"nprobe": 16})
    assert fine["recall_at_10"]["value"] == 1.0


@pytest.mark.parametrize("index", ["SQ8", "HNSW16,SQ8", "IVF8,SQ8", "IVF8_HNSW8,Flat", "RR384,SQ8", "SQ8,RFlat"])
def test_other_factory_strings_are_built_measured_and_read_back(store, make_job, bank_snapshot, fitted, index):
    job = make_job(bank_snapshot, fitted(bank_snapshot, "center"), index=index)
    manifest = make_export(store, KEY, job)
    assert 0.3 < manifest["recall_at_10"]["value"] <= 1
    assert manifest["dtype"] == ("float32" if "Flat" in index else "quantised")
    assert manifest["n"] == job.matrix.n
    assert verify_export(store, KEY) == manifest


def test_search_settings_come_back_with_the_file(tmp_path, bank_matrix, whitened):
    import faiss

    config = FaissConfig(name="index", format="faiss", index="IVF8_HNSW8,Flat", ef_search=77, nprobe=5)
    index = put_chain(build(config, Rows(bank_matrix)), whitened)
    faiss.write_index(index, str(tmp_path / "x"))
    assert read_settings(faiss.read_index(str(tmp_path / "x"))) == {"ef_search": 77, "nprobe": 5}


@pytest.mark.parametrize("index", ["HNSW32,PQ48", "HNSW32_PQ48", "OPQ48,HNSW32,PQ48"])
def test_a_factory_string_that_silently_gives_l2_is_refused_before_anything_is_written(
    store, make_job, bank_snapshot, fitted, index
):
    job = make_job(bank_snapshot, fitted(bank_snapshot, "none"), index=index)
    with pytest.raises(InputError, match="another metric"):
        make_export(store, KEY, job)
    assert not job.folder.exists()
    assert not store.path(KEY).exists()


@pytest.mark.parametrize("index", ["HNSWx", "nonsense", "ITQ,LSH", "IVF8,PQ7"])
def test_a_factory_string_that_faiss_refuses_is_refused_before_anything_is_written(
    store, make_job, bank_snapshot, fitted, index
):
    job = make_job(bank_snapshot, fitted(bank_snapshot, "none"), index=index)
    with pytest.raises(InputError, match="FAISS refuses"):
        make_export(store, KEY, job)
    assert not job.folder.exists()


def test_what_faiss_says_of_a_string_comes_without_the_function_that_says_it():
    with pytest.raises(InputError) as refused:
        open_factory("HNSQ32", 8)
    assert refused.value.found == "FAISS refuses the factory string 'HNSQ32': could not parse index string HNSQ32"


def test_an_id_map_in_the_factory_string_is_refused():
    with pytest.raises(InputError, match="id map"):
        open_factory("IDMap2,Flat", 8)


@pytest.mark.parametrize(
    "index", ["PCAW64,Flat", "PCAWR64,HNSW16", "PCAW64,L2norm,IVF8,Flat", "L2norm,PCAW64,SQ8,RFlat"]
)
def test_a_second_whitening_in_the_factory_string_is_refused(index):
    """Its variances are 1/n, and what it makes is not of unit length: the inner product is no cosine any more."""
    with pytest.raises(InputError, match="whitens what the transform has whitened"):
        open_factory(index, 128)
    open_factory(index.replace("PCAW", "PCA").replace("AR64", "A64"), 128)


def test_a_vector_is_read_from_behind_the_chain_which_faiss_inverts_wrongly_without_a_word(
    store, make_job, bank, bank_snapshot, whitened
):
    import faiss

    job = make_job(bank_snapshot, whitened, index="Flat")
    make_export(store, KEY, job)
    index = faiss.read_index(str(store.path(f"{KEY}/index.faiss")))
    silent = np.stack([index.reconstruct(row) for row in range(50)])
    unit = silent / np.linalg.norm(silent, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", unit, bank.vectors[:50]).max() < 0.9
    read = next(open_format("faiss").read(store.path(KEY)))
    assert np.array_equal(read.vectors[:50], job.matrix.vectors()[:50])


@pytest.mark.parametrize(("index", "setting"), [("Flat", "ef_search"), ("HNSW32", "nprobe"), ("IVF8,Flat", "k_factor")])
def test_a_setting_that_an_index_does_not_have_is_refused(store, make_job, xquad_snapshot, fitted, index, setting):
    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "none"), index=index, **{setting: 4})
    with pytest.raises(InputError, match=f"has no {setting}"):
        make_export(store, KEY, job)
    assert not job.folder.exists()


def test_an_index_that_needs_more_vectors_is_refused_with_what_to_do(store, make_job, xquad_snapshot, fitted):
    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "none"), index="IVF1024,Flat")
    with pytest.raises(InputError, match=r"on 120 vectors, 120 more[\s\S]*at least 1024[\s\S]*HNSW32"):
        make_export(store, KEY, job)
    assert not store.path(KEY).exists()


def test_a_damaged_length_that_asks_for_more_memory_than_there_is_is_found(tmp_path):
    import faiss

    path = tmp_path / "index.faiss"
    faiss.write_index(faiss.IndexFlatIP(4), str(path))
    whole = bytearray(path.read_bytes())
    whole[-4] = 0xFF  # of the eight bytes that say how many follow: a terabyte
    path.write_bytes(whole)
    usual = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (64 << 30, usual[1]))
    try:
        with pytest.raises(IntegrityError, match=r"index\.faiss"):
            open_index(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, usual)


def test_an_l2_index_in_place_of_ours_is_found(store, make_job, xquad_snapshot, fitted):
    import faiss

    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "none"), index="Flat")
    write(job)
    index = faiss.IndexPreTransform(faiss.IndexFlatL2(job.matrix.d))
    index.prepend_transform(faiss.NormalizationTransform(job.matrix.d, 2.0))
    index.add(np.ascontiguousarray(job.matrix.vectors()))
    faiss.write_index(index, str(job.folder / "index.faiss"))
    with pytest.raises(IntegrityError, match="metric"):
        publish(store, KEY, job)


def test_an_index_with_another_transform_is_found(store, make_job, xquad_snapshot, fitted):
    centred = make_job(xquad_snapshot, fitted(xquad_snapshot, "center"), index="Flat")
    write(centred)
    wrong = dataclasses.replace(centred, transform=fitted(xquad_snapshot, "none"))
    with pytest.raises(IntegrityError, match="off by"):
        publish(store, KEY, wrong)


def test_an_index_filled_with_vectors_that_went_through_the_chain_twice_is_found(
    store, make_job, xquad_snapshot, fitted
):
    import faiss

    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "center"), index="Flat")
    write(job)
    index = put_chain(open_factory("Flat", job.matrix.d), job.transform)
    index.add(np.ascontiguousarray(job.matrix.vectors()))
    faiss.write_index(index, str(job.folder / "index.faiss"))
    with pytest.raises(IntegrityError, match="not those that were written"):
        publish(store, KEY, job)


def test_an_index_with_fewer_vectors_than_ids_is_found(store, make_job, xquad_snapshot, fitted):
    import faiss

    job = make_job(xquad_snapshot, fitted(xquad_snapshot, "none"), index="SQ8")
    write(job)
    index = build(job.config, Rows(job.matrix, kept=np.arange(job.matrix.n) < 200))
    faiss.write_index(put_chain(index, job.transform), str(job.folder / "index.faiss"))
    with pytest.raises(IntegrityError, match="200 vectors"):
        compare(open_format("faiss"), job.folder, job)


def test_a_mean_far_longer_than_the_spread_does_not_cost_the_chain_its_precision(tmp_path, xquad, fitted, make_job):
    far = dataclasses.replace(xquad, vectors=xquad.vectors + np.float32(20))
    snapshot = far.snapshot(tmp_path / "shards", strangers=0)
    transform = fitted(snapshot, "whiten", form="pca", dimension=64)
    store = LocalFiles(tmp_path / "store")
    manifest = make_export(store, KEY, make_job(snapshot, transform, index="Flat"))
    assert manifest["transform_error"] < 1e-4


def test_layers_are_found_inside_each_other():
    index = open_factory("IVF8_HNSW8,PQ4x4fs,RFlat", 16)
    assert [type(layer).__name__ for layer in layers(index)][:2] == ["IndexRefineFlat", "IndexIVFPQFastScan"]


def _with(config, **changes):
    return config.model_copy(update=changes)
