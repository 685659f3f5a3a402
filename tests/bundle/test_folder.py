"""The whole folder: measured in a process of its own, sealed, refused where it would give other vectors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sphering.bundle.folder import holds, read_bundle, write_folder
from sphering.bundle.parity import measure_parity
from sphering.encoder.parity import compare
from sphering.errors import IntegrityError, ParityError
from sphering.identity import sha256_file

WHITENED = {"kind": "whiten", "form": "pca", "dimension": 64}
CLEAN = {"unicode": "NFKC", "strip": True}
PLAIN = """
import json, sys
import numpy as np
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
np.save(sys.argv[3], model.encode(json.loads(sys.argv[2])))
assert not [name for name in sys.modules if name.split(".")[0] == "sphering"]
"""


@pytest.fixture(scope="module")
def one(side):
    return side(WHITENED, CLEAN, query_prompt="query: ", document_prompt="passage: ", truncate_dim=200)


@pytest.fixture(scope="module")
def made(one, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "query-side"
    folder.mkdir()
    return folder, write_folder(one.contents, folder)


def test_a_fresh_process_with_nothing_of_ours_gives_the_pipelines_vectors(one, made, tmp_path):
    asked = ["Where is my card?", "  ﬁnd my PIN\n", "Why was I charged twice?", "word " * 300]
    answer = tmp_path / "vectors.npy"
    subprocess.run([sys.executable, "-I", "-c", PLAIN, str(made[0]), json.dumps(asked), str(answer)], check=True)
    assert compare(np.load(answer), one.bundle.encode(asked)).min_cosine >= 1 - 1e-6


def test_its_document_says_what_it_is_made_of_and_how_near_it_is(one, made):
    folder, document = made
    assert read_bundle(folder).items() >= document.items()
    assert document["id"] == one.contents.document["id"]
    assert document["encoder"] == one.bundle.encoder.identity.id
    assert document["encoder_document"] == one.bundle.encoder.identity.document
    assert document["transform_sha256"] == one.bundle.transform.sha256
    assert (document["query_prompt"], document["document_prompt"]) == ("query: ", "passage: ")
    assert (document["normalise"], document["model"]["max_length"]) == (CLEAN, 256)
    assert (document["dimension_in"], document["dimension_out"], document["metric"]) == (200, 64, "ip")
    parity = document["model"]["parity"]
    assert parity["n"] > 126
    assert 1 - 1e-6 == parity["least"] <= parity["min_cosine"]
    assert {"sentence-transformers", "transformers", "torch", "numpy", "faiss-cpu"} <= set(document["libraries"])


def test_every_file_stands_in_it_with_its_hash(made):
    folder, document = made
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {*document["files"], "bundle.json"}
    assert {name: sha256_file(folder / name) for name in document["files"]} == {
        name: file["sha256"] for name, file in document["files"].items()
    }
    assert "from apply import apply" in (folder / "README.md").read_text(encoding="utf-8")


def test_an_edited_document_is_noticed_and_a_cut_file_is_made_again(made, tmp_path):
    folder, document = tmp_path / "copy", made[1]
    shutil.copytree(made[0], folder, ignore=shutil.ignore_patterns("model.safetensors"))
    assert not holds(folder, document["id"])
    shutil.copytree(made[0], folder, dirs_exist_ok=True)
    assert holds(folder, document["id"])
    assert not holds(folder, "0" * 16)
    path = folder / "bundle.json"
    path.write_text(path.read_text(encoding="utf-8").replace("query: ", "Query: "), encoding="utf-8")
    assert not holds(folder, document["id"])
    with pytest.raises(IntegrityError, match="seal"):
        read_bundle(folder)


def test_a_folder_that_gives_other_vectors_is_refused_with_how_far_they_are(one, made, tmp_path):
    folder = tmp_path / "spoiled"
    shutil.copytree(made[0], folder)
    graph = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    assert graph.pop(2)["path"] == "2_Normalize"
    (folder / "modules.json").write_text(json.dumps(graph), encoding="utf-8")
    with pytest.raises(ParityError, match=r"least cosine 0\.\d+ over \d+ texts[\s\S]*0\.999999"):
        measure_parity(folder, one.bundle, one.texts[:16], remote_code=False)


def test_a_folder_that_does_not_open_is_refused_with_what_the_library_says(one, tmp_path):
    with pytest.raises(ParityError, match="does not open"):
        measure_parity(tmp_path, one.bundle, [], remote_code=False)


def test_the_parity_of_another_precision_is_measured_and_said(side, tmp_path):
    pytest.importorskip("openvino")
    rough = side({"kind": "center"}, backend="openvino", precision="int8")
    parity = write_folder(rough.contents, tmp_path)["model"]["parity"]
    assert 0.9 == parity["least"] <= parity["min_cosine"] < 1 - 1e-6
    assert f"{parity['min_cosine']:.9f}" in (tmp_path / "README.md").read_text(encoding="utf-8")
