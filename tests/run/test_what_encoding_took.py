"""What a plan and a run say of the texts that are encoded: how many tokens, what is cut, and damaged weights."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.resolve import locate
from sphering.errors import ProbeError
from sphering.run.plan import plan
from sphering.store.store import Store

LONG = "how do I top up my account " * 100
LIMIT = {"backend": "torch", "max_length": 64}


def test_a_run_says_how_many_tokens_its_encoder_read(corpus, run, questions):
    first = run(corpus([*questions[:20], ("long", LONG)], encoder=LIMIT))
    record = Store.open(corpus(questions).store).corpus("questions").run_record(first["run"])
    manifest = Store.open(corpus(questions).store).corpus("questions").manifest(first["snapshot"])
    assert record["encoded_tokens"] == first["encoded_tokens"]
    assert first["encoded_tokens"] < manifest.tokens - 600, "what is cut off is not read"
    assert run(corpus([*questions[:20], ("long", LONG)], encoder=LIMIT))["encoded_tokens"] is None


def test_a_plan_that_measures_the_rate_says_what_the_model_would_cut(corpus, run, questions):
    config = corpus([*questions[:20], ("long", LONG)], encoder=LIMIT)
    (warning,) = plan(config)["warnings"]
    assert warning.startswith("1 of the 21 texts measured are longer than the 64 tokens that the encoder reads")
    assert "[chunk]" in warning
    assert plan(corpus(questions[:20], encoder=LIMIT))["warnings"] == []


def test_weights_that_are_damaged_are_said_before_anything_is_kept(corpus, run, questions, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(locate(SentenceTransformersConfig()).folder, folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("layer.0.output.dense.weight"))
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = corpus(questions[:20], encoder={"model": str(folder), "backend": "torch"})
    with pytest.raises(ProbeError, match="no finite vector for any text of the probe: its weights are damaged"):
        run(config)
    assert Store.open(config.store).corpus("questions").snapshot_ids() == []
