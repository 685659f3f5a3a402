"""The service of docs/serving.md: started as it stands there, asked real questions, beside `sphering search`."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from nights import carry, small
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.run.search import search
from sphering.store.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ASKED = ["my card was swallowed", "How long does a transfer take?", "  why was I charged twice\n"]


def _blocks():
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def served(questions, tmp_path_factory):
    """A folder with the query side and two exports of a whitened corpus, fetched by the page's own commands."""
    folder = tmp_path_factory.mktemp("served")
    exports = [{"name": "index", "format": "faiss", "index": "Flat"}, {"name": "vectors", "format": "npy"}]
    tables = {"transform": {"kind": "whiten", "shrinkage": 0.1}, "normalise": {"unicode": "NFC", "strip": True}}
    carry(small(folder, questions, export=exports, **tables))
    for command in ("bundle query-side", "pull --export index index", "pull --export vectors vectors"):
        arguments = [*command.split(), "--if-changed", "--store", str(folder / "store")]
        arguments[arguments.index("--if-changed") - 1] = str(folder / command.split()[-1])
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def service(served):
    """The address of the page's service, in a process that knows nothing of ours."""
    code = next(block for block in _blocks() if "FastAPI()" in block)
    assert len([line for line in code.splitlines() if line and not line.startswith(("import", "from", '"'))]) <= 20
    (served / "service.py").write_text(code, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "uvicorn", "service:app", "--host", "127.0.0.1", "--port", str(port)]
    with (served / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=served, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/search?"
    try:
        _await(process, address, served / "log")
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _await(process, address, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()
        try:
            _get(address, q="x")
        except urllib.error.URLError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())


def _get(address, **query):
    with urllib.request.urlopen(address + urllib.parse.urlencode(query), timeout=60) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def found(served):
    """What `sphering search` says: (doc_id, score) of each question's ten best."""
    corpus = Store.open(served / "store").corpus("questions")
    return [[(hit["doc_id"], hit["score"]) for hit in search(corpus, "published", q, 10)["hits"]] for q in ASKED]


def test_the_service_answers_as_search_does(service, found):
    for question, expected in zip(ASKED, found, strict=True):
        answer = [(hit["doc_id"], hit["score"]) for hit in _get(service, q=question, k=10)]
        assert [doc_id for doc_id, _ in answer] == [doc_id for doc_id, _ in expected]
        assert answer[0][1] == pytest.approx(expected[0][1], abs=1e-5)


def test_it_refuses_an_empty_question(service):
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(service, q="  ")
    assert refused.value.code == 422


def test_the_lines_over_an_npy_export_answer_as_search_does(served, found, monkeypatch):
    from sentence_transformers import SentenceTransformer

    monkeypatch.chdir(served)
    names = {"model": SentenceTransformer("query-side", device="cpu")}
    code = next(block for block in _blocks() if "np.argsort" in block)
    doc_ids = pq.read_table("vectors/ids.parquet")["doc_id"].to_pylist()
    for question, expected in zip(ASKED, found, strict=True):
        exec(code.replace("where is my card?", question.strip()), names)
        assert [doc_ids[row] for row in names["rows"]] == [doc_id for doc_id, _ in expected]


def test_the_lines_with_numpy_and_faiss_alone_give_the_same_vectors(served):
    import faiss

    raw = np.random.default_rng(0).standard_normal((3, 384)).astype(np.float32) / 20
    raw[:, [127, 223, 319]] = 0
    step = faiss.read_VectorTransform(str(served / "query-side" / "transform.faiss")).apply(raw)
    faiss.normalize_L2(step)
    index = faiss.read_index(str(served / "query-side" / "queries.faiss"))
    faiss.downcast_index(index.index).add(step)
    assert np.abs(index.search(raw, 1)[0] - 1).max() < 1e-5


def test_it_does_not_start_over_an_index_of_another_transform(served, tmp_path):
    manifest = json.loads((served / "index" / "manifest.json").read_bytes())
    for name in ("query-side", "index"):
        (tmp_path / name).mkdir()
    (tmp_path / "query-side" / "bundle.json").write_bytes((served / "query-side" / "bundle.json").read_bytes())
    manifest["transform_sha256"] = "0" * 64
    (tmp_path / "index" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    code = next(block for block in _blocks() if "FastAPI()" in block)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "two transforms" in done.stderr
