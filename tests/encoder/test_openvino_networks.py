"""Every network that `auto` sends to OpenVINO converts, and gives PyTorch's vectors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder, resolve_backend
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers import encoder as kind
from sphering.encoder.sentence_transformers.backend import CONVERTIBLE
from sphering.errors import ModelError
from sphering.store.temporaries import new_temporary

TEXTS = ["hello", "My card has not arrived yet.", "one two three " * 20]
POOLINGS = ("cls_token", "max_tokens", "mean_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


def tiny_model(folder, network, pooling):
    """A random network of that kind with 2 small layers, behind the default model's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel

    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    sizes = {"vocab_size": 30522, "max_position_embeddings": 200, "pad_token_id": 0, "initializer_range": 0.3}
    if network == "distilbert":
        sizes |= {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2}
    else:
        sizes |= {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
        }
    AutoModel.from_config(AutoConfig.for_model(network, **sizes)).save_pretrained(folder)
    default = locate(SentenceTransformersConfig()).folder
    for name in ("modules.json", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json"):
        shutil.copy(default / name, folder / name)
    (folder / "1_Pooling").mkdir()
    settings = {
        "word_embedding_dimension": 32,
        **{f"pooling_mode_{each}": each == pooling for each in POOLINGS},
    }
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("network", "pooling"),
    [
        *((network, "mean_tokens") for network in sorted(CONVERTIBLE)),
        *(("bert", pooling) for pooling in POOLINGS),
    ],
)
def test_a_network_in_openvino_gives_the_vectors_of_pytorch(tmp_path, needs, network, pooling):
    needs("openvino")
    tiny_model(tmp_path, network, pooling)
    found = []
    for backend in ("torch", "openvino"):
        config = SentenceTransformersConfig(model=str(tmp_path), backend=backend, max_length=120)
        identity = identify(config, backend)
        encoder = kind.SentenceTransformerEncoder(identity, kind.load_pipeline(identity, config), config)
        found.append(encoder.encode(TEXTS).vectors)
    assert resolve_backend(SentenceTransformersConfig(model=str(tmp_path))).backend == "openvino"
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    assert np.linalg.norm(found[0][0] - found[0][1]) > 0.01


def test_the_configured_pooling_takes_the_place_of_the_models_own(tmp_path, needs):
    needs("openvino")
    tiny_model(tmp_path / "own", "bert", "cls_token")
    tiny_model(tmp_path / "other", "bert", "mean_tokens")
    found = []
    for folder, pooling in (("own", None), ("other", "cls"), ("other", None)):
        for backend in ("torch", "openvino"):
            config = SentenceTransformersConfig(model=str(tmp_path / folder), backend=backend, pooling=pooling)
            found.append(open_encoder(identify(config, backend), config).encode(TEXTS).vectors)
    assert np.array_equal(found[0], found[2])
    assert np.allclose(found[2], found[3], atol=1e-5)
    assert np.abs(found[0] - found[4]).max() > 0.01


def add_module(folder, name, kind, settings, **weights):
    """Put a module behind those of a model."""
    modules = json.loads((folder / "modules.json").read_text())
    number = len(modules)
    place = folder / f"{number}_{name}"
    place.mkdir()
    entry = {"idx": number, "name": str(number), "path": place.name, "type": f"sentence_transformers.models.{kind}"}
    (folder / "modules.json").write_text(json.dumps([*modules, entry]))
    (place / "config.json").write_text(json.dumps(settings))
    if weights:
        save_file({key.replace("__", "."): value for key, value in weights.items()}, place / "model.safetensors")


def with_tail(folder):
    """A tiny model with two dense layers and a layer norm behind its pooling."""
    rng = np.random.default_rng(1)
    tiny_model(folder, "bert", "mean_tokens")
    for rows, columns, activation in ((48, 32, "activation.Tanh"), (24, 48, "linear.Identity")):
        settings = {"in_features": columns, "out_features": rows, "bias": True}
        settings["activation_function"] = f"torch.nn.modules.{activation}"
        weights = {"linear__weight": rng.normal(size=(rows, columns)), "linear__bias": rng.normal(size=rows)}
        arrays = {key: value.astype(np.float32) for key, value in weights.items()}
        add_module(folder, "Dense", "Dense", settings, **arrays)
    norm = {f"norm__{name}": rng.normal(size=24).astype(np.float32) for name in ("weight", "bias")}
    add_module(folder, "LayerNorm", "LayerNorm", {"dimension": 24}, **norm)


def test_what_follows_the_pooling_converts_too_and_a_vector_does_not_depend_on_its_batch(tmp_path, needs):
    needs("openvino")
    with_tail(tmp_path)
    found = {}
    for backend in ("torch", "openvino"):
        config = SentenceTransformersConfig(model=str(tmp_path), backend=backend, truncate_dim=16)
        identity = identify(config, backend)
        encoder = kind.SentenceTransformerEncoder(identity, kind.load_pipeline(identity, config), config)
        found[backend] = encoder.encode(PROBE_TEXTS).vectors
        one_by_one = np.concatenate([encoder.encode([text]).vectors for text in PROBE_TEXTS])
        assert one_by_one.tobytes() == found[backend].tobytes()
    assert resolve_backend(SentenceTransformersConfig(model=str(tmp_path))).backend == "openvino"
    assert found["torch"].shape == (64, 16)
    np.testing.assert_allclose(found["torch"], found["openvino"], atol=2e-5)


def test_a_model_whose_pooling_leaves_the_prompt_out_stays_in_pytorch_with_the_reason(tmp_path, needs):
    needs("openvino")
    tiny_model(tmp_path, "bert", "mean_tokens")
    place = tmp_path / "1_Pooling" / "config.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"include_prompt": False}))
    found = resolve_backend(SentenceTransformersConfig(model=str(tmp_path)))
    assert found.backend == "torch"
    assert "leaves the prompt out" in found.reason
    for configured in ({"precision": "int8"}, {"backend": "openvino"}):
        with pytest.raises(ModelError, match="leaves the prompt out"):
            resolve_backend(SentenceTransformersConfig(model=str(tmp_path), **configured))


def test_a_conversion_is_kept_and_opened_without_pytorch(tmp_path, needs, monkeypatch):
    needs("openvino")
    tiny_model(tmp_path / "model", "bert", "mean_tokens")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    code = (
        "import sys; from sphering.config.encoder import SentenceTransformersConfig\n"
        "from sphering.encoder import identify, open_encoder\n"
        f"config = SentenceTransformersConfig(model={str(tmp_path / 'model')!r}, backend='openvino', max_length=120)\n"
        "vector = open_encoder(identify(config, 'openvino'), config).encode(['hello']).vectors\n"
        "print(vector.tobytes().hex(), 'torch' in sys.modules)"
    )

    def opened():
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    dead = new_temporary(tmp_path / "cache" / "sphering" / "openvino")
    dead = dead.with_name(dead.name.replace(f".{os.getpid()}.", f".{2**22 + 1}."))  # more than Linux gives out
    dead.mkdir()
    (dead / "network.bin").write_bytes(b"what a killed process left")
    vector, imported = opened()
    assert imported == "True"
    assert list(dead.parent.iterdir()) == []
    assert opened() == [vector, "False"]
    (weights,) = (tmp_path / "cache").rglob("network.bin")
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    weights.write_bytes(damaged)
    assert opened() == [vector, "True"]
    assert opened() == [vector, "False"]
