"""Every network that `auto` sends to OpenVINO converts, and gives PyTorch's vectors."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, resolve_backend
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers import encoder as kind
from sphering.encoder.sentence_transformers.backend import CONVERTIBLE

TEXTS = ["hello", "My card has not arrived yet.", "one two three " * 20]
POOLINGS = ("mean_tokens", "cls_token", "max_tokens")


def tiny_model(folder, network, pooling):
    """A random network of that kind with 2 small layers, behind the default model's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel

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
        ("bert", "cls_token"),
        ("bert", "max_tokens"),
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
