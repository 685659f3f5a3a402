"""A model whose files do not belong together is refused; it never gives a vector that depends on chance."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import Encoder, identify, open_encoder
from sphering.encoder.resolve import locate
from sphering.errors import ModelError

Weights = dict[str, NDArray]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(locate(SentenceTransformersConfig()).folder, tmp_path / "model")
    return tmp_path / "model"


def opened(folder: Path, backend: str = "torch", **settings: object) -> Encoder:
    config = SentenceTransformersConfig(model=str(folder), backend=backend, **settings)
    return open_encoder(identify(config, backend), config)


def change_weights(folder: Path, keep: Callable[[str], bool]) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if keep(name)}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_weights_without_a_layer_are_refused_in_place_of_one_drawn_at_random(folder, backend, needs):
    needs(backend)
    change_weights(folder, lambda name: "layer.5." not in name)
    with pytest.raises(ModelError, match=r"the model's weights lack 16 tensors, such as encoder\.layer\.5\."):
        opened(folder, backend)


def test_a_tensor_that_no_vector_depends_on_may_be_absent(folder, torch_encoder):
    change_weights(folder, lambda name: "pooler" not in name)
    found = opened(folder).encode(["a text"]).vectors
    assert found.tobytes() == torch_encoder.encode(["a text"]).vectors.tobytes()


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_token_that_the_model_has_no_vector_of_is_refused(folder, backend, needs):
    needs(backend)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    added = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    tokenizer["added_tokens"].append({"id": 30522, "content": "zqzq", **added})
    path.write_text(json.dumps(tokenizer))
    encoder = opened(folder, backend)
    assert len(encoder.encode(["a text without it"]).vectors) == 1
    with pytest.raises(ModelError, match=r"gives the token 30522 \('zqzq'\), and the model has vectors of 30522"):
        encoder.encode(["a text with zqzq"])


@pytest.mark.parametrize("role", ["document", "query"])
def test_a_prompt_that_leaves_no_room_for_a_text_is_refused(torch_encoder, role):
    prompt = {f"{role}_prompt": "represent this sentence for a search: "}
    place = Path(torch_encoder.identity.place)
    with pytest.raises(ModelError, match=f"the {role} prompt and the special tokens are 9 tokens"):
        opened(place, max_length=9, **prompt)
    found = opened(place, max_length=10, **prompt).encode(["apple", "pear"], role).vectors
    assert found[0].tobytes() != found[1].tobytes()


@pytest.mark.parametrize("index", [{}, {"weight_map": ["model.safetensors"]}])
def test_an_index_of_weights_that_names_none_is_said(folder, index):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json has no weight_map"):
        opened(folder)


@pytest.mark.parametrize("limit", ["256", [256]])
def test_a_longest_input_that_is_no_number_is_said(folder, limit):
    from sphering.encoder.tokeniser_file import longest_known_input

    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": limit}))
    with pytest.raises(ModelError, match="the longest input is no number"):
        longest_known_input(folder)
