"""Bulk requests, by the published rules of the engines that take them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.config.export import ExportConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.formats import ndjson
from sphering.export.formats.ndjson import MOST_BYTES, lines
from sphering.export.make import check_export, make_export, write
from sphering.export.matrix.files import IDS, IDS_SCHEMA
from sphering.export.matrix.ordered import write_table
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.export.readback import compare
from sphering.store.local_files import LocalFiles

KEY = "corpora/tested/exports/0123456789abcdef"
ENGINES = ("elasticsearch", "opensearch")


def config(**keys):
    return ExportConfig.model_validate({"name": "tested", "format": "ndjson", **keys})


@pytest.fixture
def published(tmp_path, bank_snapshot, bank_matrix, whitened):
    def make(**keys):
        store = LocalFiles(tmp_path / keys.get("engine", "store"))
        job = ExportJob(config(**keys), bank_matrix, bank_snapshot, whitened, tmp_path / "scratch")
        return store.path(KEY), make_export(store, KEY, job)

    return make


def bulk(folder):
    """Return actions and documents of all requests, as the engine parses them: line by line."""
    requests = [path.read_bytes() for path in sorted(folder.glob("bulk-*.ndjson"))]
    assert all(request.endswith(b"\n") and b"\n\n" not in request for request in requests)
    found = [json.loads(line) for request in requests for line in request.decode("utf-8").splitlines()]
    return requests, found[::2], found[1::2]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_requests_hold_every_document_with_its_id_vector_and_metadata(published, bank, bank_matrix, engine):
    folder, manifest = published(engine=engine)
    requests, actions, documents = bulk(folder)
    assert len(requests) > 1
    assert all(len(request) <= MOST_BYTES for request in requests)
    assert all(len(request) > MOST_BYTES - 20_000 for request in requests[:-1])
    assert actions == [{"index": {"_id": doc_id}} for doc_id in bank.doc_ids]
    assert [document["doc_id"] for document in documents] == bank.doc_ids
    assert [document["metadata"] for document in documents] == bank.columns
    vectors = np.array([document["embedding"] for document in documents], np.float64)
    assert np.array_equal(vectors.astype(np.float32), bank_matrix.vectors())
    # What the engines accept under dot_product and innerproduct: |x|² within 1e-4 of 1, in the decimals as they stand.
    assert np.abs(np.einsum("ij,ij->i", vectors, vectors) - 1).max() < 1e-6
    assert (manifest["dtype"], manifest["approximate"]) == ("float32", False)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_documents_have_the_fields_of_the_mapping_and_no_others(published, bank_matrix, engine):
    folder, _ = published(engine=engine)
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    properties = index["mappings"]["properties"]
    assert index["mappings"]["dynamic"] == "strict"
    _, _, documents = bulk(folder)
    assert {tuple(document) for document in documents} == {tuple(properties)}
    vector = properties["embedding"]
    if engine == "elasticsearch":
        assert vector == {
            "type": "dense_vector",
            "dims": bank_matrix.d,
            "index": True,
            "similarity": "dot_product",
            "index_options": {"type": "hnsw"},
        }
        assert "settings" not in index
    else:
        assert (vector["type"], vector["dimension"]) == ("knn_vector", bank_matrix.d)
        assert vector["method"] == {"name": "hnsw", "engine": "faiss", "space_type": "innerproduct"}
        assert index["settings"] == {"index": {"knn": True}}
    assert properties["metadata"] == {"type": "object", "enabled": False}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40), st.text(min_size=1)
)
def test_every_float32_and_every_id_come_back_from_the_text(numbers, doc_id):
    import pyarrow as pa

    if any("\ud800" <= letter <= "\udfff" for letter in doc_id):
        doc_id = "surrogate"
    columns = [pa.array([0]), pa.array([doc_id]), pa.array(["u"]), pa.array(['{"a":"é\\n"}'])]
    batch = pa.RecordBatch.from_arrays(columns, schema=IDS_SCHEMA)
    vectors = np.array([numbers], np.float32)
    action, document = (json.loads(line) for line in lines(batch, vectors)[0].as_py().removesuffix("\n").split("\n"))
    assert action == {"index": {"_id": doc_id}}
    assert np.array(document["embedding"], np.float64).astype(np.float32).tobytes() == vectors.tobytes()
    assert (document["doc_id"], document["metadata"]) == (doc_id, {"a": "é\n"})


@pytest.mark.parametrize(("engine", "most"), [("elasticsearch", 4096), ("opensearch", 16_000)])
def test_more_dimensions_than_the_engine_takes_are_refused(engine, most):
    check_export(config(engine=engine), most)
    check_export(config(engine=engine, truncate_dim=most), most + 1)
    with pytest.raises(InputError, match=rf"at most {most} dimensions, these have {most + 1}[\s\S]*truncate_dim"):
        check_export(config(engine=engine), most + 1)


def with_document(matrix, doc_id, metadata="{}"):
    """Return the matrix with another last document."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(matrix.directory / IDS)
    rows = table.to_pylist()
    rows[-1] |= {"doc_id": doc_id, "metadata": metadata}
    write_table(matrix.directory / IDS, IDS_SCHEMA, pa.Table.from_pylist(rows, IDS_SCHEMA).to_batches())
    return replace(matrix)  # ids are cached


@pytest.fixture
def small(matrix_of):
    return matrix_of(np.eye(30, 16, dtype=np.float32)[:16])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("doc_id", "metadata", "message"),
    [
        ("", "{}", "is empty"),
        ("x" * 513, "{}", "longer than 512 bytes"),
        ("é" * 257, "{}", "longer than 512 bytes"),
        ("x", json.dumps({"a": "y" * MOST_BYTES}), "metadata of more than"),
    ],
    ids=["empty", "long", "long in UTF-8", "metadata"],
)
def test_a_document_that_the_engine_refuses_is_named_before_a_file_is_written(
    small, tmp_path, engine, doc_id, metadata, message
):
    job = ExportJob(config(engine=engine), with_document(small, doc_id, metadata), None, None, tmp_path / "out")
    with pytest.raises(InputError, match=message) as refused:
        write(job)
    assert repr(doc_id[:80]) in str(refused.value)
    assert not job.folder.exists()


@pytest.mark.parametrize("doc_id", ["x" * 512, "é" * 256, 'a "b"\\\t\u2028', "\U0001f600"])
def test_an_id_within_the_limit_is_written_as_it_is(small, tmp_path, doc_id):
    job = ExportJob(config(), with_document(small, doc_id), None, None, tmp_path / "out")
    write(job)
    assert compare(open_format("ndjson"), job.folder, job).n == small.n


def test_a_long_document_gets_a_request_of_its_own(matrix_of, tmp_path):
    small = matrix_of(np.tile(np.eye(16, dtype=np.float32), (9, 1)))
    long = json.dumps({"a": "y" * (MOST_BYTES - 5000)})
    job = ExportJob(config(), with_document(small, "z", long), None, None, tmp_path / "out")
    write(job)
    sizes = [path.stat().st_size for path in sorted(job.folder.glob("bulk-*.ndjson"))]
    assert len(sizes) == 2
    assert max(sizes) <= MOST_BYTES
    assert compare(open_format("ndjson"), job.folder, job).n == small.n


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-20],
        lambda whole: whole.replace(b'{"_id":"d-0000003"}', b'{"_id":"d-0000004"}'),
        lambda whole: whole.replace(b'"doc_id":"d-0000003"', b'"doc_id":"d-0000009"'),
        lambda whole: whole.replace(b"[1.0,", b"[1.0,1.0,", 1),
        lambda whole: whole.replace(b"[1.0,", b"[0.5,", 1),
        lambda whole: b"\n".join(whole.split(b"\n")[1:]),
        lambda whole: b"\n".join(whole.split(b"\n")[2:]),
        lambda whole: b"",
    ],
    ids=["cut", "action", "id", "longer", "value", "odd", "fewer", "empty"],
)
def test_requests_that_hold_something_else_are_found(small, tmp_path, damage):
    job = ExportJob(config(), small, None, None, tmp_path / "out")
    write(job)
    path = job.folder / "bulk-00000.ndjson"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IntegrityError):
        compare(open_format("ndjson"), job.folder, job)


def test_a_request_that_is_missing_is_named(published):
    folder, _ = published()
    (folder / "bulk-00000.ndjson").unlink()
    with pytest.raises(IntegrityError, match=r"bulk-00000.ndjson is missing"):
        list(open_format("ndjson").read(folder))


def test_an_engine_that_there_is_not_is_refused():
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match="elasticsearch"):
        config(engine="solr")
    assert {"elasticsearch", "opensearch"} == set(ndjson.DIMENSIONS)
