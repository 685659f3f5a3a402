"""What the recipes make for services that no test can start, held to the limits that these publish."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recipes import read_recipes

from sphering.config.export import ExportConfig
from sphering.export.formats.parquet import FORMAT, PARQUET
from sphering.export.matrix.files import IDS
from sphering.export.matrix.ordered import NAMESPACE
from sphering.export.protocol import ExportJob

REPORT = """
import json
from pathlib import Path
Path("objects.json").write_text(json.dumps(list(objects())))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, bank_matrix, bank_snapshot, whitened):
    """A folder beside whose folder `parquet` the recipes run: 2,221 documents, ids in several scripts."""
    folder = tmp_path_factory.mktemp("pulled")
    (folder / "parquet").mkdir()
    config = ExportConfig.model_validate({"name": "parquet", "format": "parquet"})
    FORMAT.write(ExportJob(config, bank_matrix, bank_snapshot, whitened, folder / "parquet"))
    return folder


@pytest.fixture(scope="module")
def documents(bank_matrix):
    """doc_id, uuid and metadata of every document, in order."""
    return pq.read_table(bank_matrix.directory / IDS, columns=["doc_id", "uuid", "metadata"]).to_pylist()


def without_uuid(documents):
    return [{name: row[name] for name in ("doc_id", "metadata")} for row in documents]


def run(folder, engine, more=""):
    program = read_recipes()[engine].programs[0] + more
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


def with_rows(folder, rows):
    """Write an export of a few rows: (doc_id, metadata)."""
    (folder / "parquet").mkdir()
    vectors = pa.array([[1.0, 0.0]] * len(rows), pa.list_(pa.float32(), 2))
    names = ("doc_id", "uuid", "embedding", "metadata")
    ids, metadata = zip(*rows, strict=True)
    uuids = [str(uuid.uuid5(NAMESPACE, one)) for one in ids]
    columns = (ids, uuids, vectors, [json.dumps(one) for one in metadata])
    pq.write_table(pa.table(dict(zip(names, columns, strict=True))), folder / "parquet" / PARQUET)


def test_pinecones_file_holds_every_vector_under_an_id_that_pinecone_takes(exported, documents, bank_matrix):
    done = run(exported, "Pinecone")
    assert done.returncode == 0, done.stderr
    (path,) = (exported / "pinecone").rglob("*.parquet")
    assert path.parent.name == "__default__"
    assert path.stat().st_size < 10e9
    table = pq.read_table(path)
    assert {field.name: str(field.type) for field in table.schema} == {
        "id": "string",
        "values": "list<element: float>",
        "metadata": "string",
    }
    ids = table["id"].to_pylist()
    assert len(set(ids)) == len(documents)
    assert all(one.isascii() and 0 < len(one) <= 512 for one in ids)
    assert ids == [row["doc_id"] if row["doc_id"].isascii() else row["uuid"] for row in documents]
    assert 0 < sum(row["doc_id"].isascii() for row in documents) < len(ids)
    assert np.array_equal(np.array(table["values"].to_pylist(), np.float32), bank_matrix.vectors())


def test_pinecones_metadata_names_the_document_and_is_flat_without_null(tmp_path):
    rows = [("é", {"a": None, "b": ["x", "y"], "c": {"d": 1}, "e": [1, 2], "f": 1.5, "g": True, "h": "ü"})]
    with_rows(tmp_path, rows)
    assert run(tmp_path, "Pinecone").returncode == 0
    (text,) = pq.read_table(tmp_path / "pinecone" / "__default__" / "0.parquet")["metadata"].to_pylist()
    flat = {"doc_id": "é", "b": ["x", "y"], "c": '{"d": 1}', "e": "[1, 2]", "f": 1.5, "g": True, "h": "ü"}
    assert json.loads(text) == flat


def test_pinecones_program_refuses_metadata_beyond_40_kilobytes_and_maps_a_long_id(tmp_path):
    with_rows(tmp_path, [("z" * 513, {})])
    assert run(tmp_path, "Pinecone").returncode == 0
    (name,) = pq.read_table(tmp_path / "pinecone" / "__default__" / "0.parquet")["id"].to_pylist()
    assert name == str(uuid.uuid5(NAMESPACE, "z" * 513))
    (tmp_path / "beyond").mkdir()
    with_rows(tmp_path / "beyond", [("d-1", {"text": "é" * 20_000})])
    done = run(tmp_path / "beyond", "Pinecone")
    assert done.returncode == 1
    assert re.match(r"d-1: 400\d\d bytes of metadata", done.stderr)


def test_vespas_lines_put_every_document_once(exported, documents, bank_matrix):
    done = run(exported, "Vespa")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (exported / "vespa.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(set(line) == {"put", "fields"} for line in lines)
    assert [line["put"] for line in lines] == [f"id:documents:passage::{row['doc_id']}" for row in documents]
    vectors = np.array([line["fields"].pop("embedding")["values"] for line in lines], np.float32)
    assert [line["fields"] for line in lines] == without_uuid(documents)
    assert np.array_equal(vectors, bank_matrix.vectors())


def test_vespas_schema_has_the_exports_dimension_and_its_services_name_the_schema(exported, bank_matrix):
    assert (exported / "vespa").exists() or run(exported, "Vespa").returncode == 0
    schema = (exported / "vespa" / "schemas" / "passage.sd").read_text(encoding="utf-8")
    assert schema.count(f"tensor<float>(x[{bank_matrix.d}])") == 2
    assert schema.count("{") == schema.count("}")
    assert "distance-metric: prenormalized-angular" in schema
    services = ET.parse(exported / "vespa" / "services.xml").getroot()
    assert [one.get("type") for one in services.iter("document")] == ["passage"]


def test_weaviates_objects_have_the_exports_uuid_and_name_their_document(exported, documents, bank_matrix):
    done = run(exported, "Weaviate", REPORT)
    assert done.returncode == 0, done.stderr
    objects = json.loads((exported / "objects.json").read_text(encoding="utf-8"))
    assert [one["properties"] for one in objects] == without_uuid(documents)
    assert [one["uuid"] for one in objects] == [row["uuid"] for row in documents]
    assert {uuid.UUID(one["uuid"]).version for one in objects} == {5}
    assert np.array_equal(np.array([one["vector"] for one in objects], np.float32), bank_matrix.vectors())
