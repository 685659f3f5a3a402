"""Same text, same encoder, same compute profile: same bits, whatever the settings of the batches."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from time import sleep

import numpy as np
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify
from sphering.encoder.probe import PROBE_TEXTS
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers import encoder as kind
from sphering.encoder.sentence_transformers.batching import ON_AN_ACCELERATOR
from sphering.encoder.sentence_transformers.lanes import Lanes

TEXTS = tuple(text for text in PROBE_TEXTS if len(text) < 120)[::2]


@pytest.fixture(scope="module")
def probed(precise) -> bytes:
    """The vectors of the probe's texts, in batches of the settings as they are."""
    return precise.encode(PROBE_TEXTS).vectors.tobytes()


@pytest.mark.parametrize("budget", [8, 100, 512, 8192])
def test_a_vector_does_not_depend_on_the_token_budget(precise, probed, budget, monkeypatch):
    monkeypatch.setattr(precise.pipeline, "shapes", replace(precise.pipeline.shapes, budget=budget))
    assert precise.encode(PROBE_TEXTS).vectors.tobytes() == probed


def test_a_vector_does_not_depend_on_its_batch_where_batches_have_a_fixed_shape(torch_encoder, monkeypatch):
    monkeypatch.setattr(torch_encoder.pipeline, "shapes", replace(ON_AN_ACCELERATOR, budget=512))
    whole = torch_encoder.encode(TEXTS).vectors
    one_by_one = np.concatenate([torch_encoder.encode([text]).vectors for text in TEXTS])
    assert one_by_one.tobytes() == whole.tobytes()


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_vector_does_not_depend_on_the_number_of_cores(backend, request):
    reference = request.getfixturevalue(f"{backend}_encoder")
    config, allowed = SentenceTransformersConfig(backend=backend), os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        single = kind.load_pipeline(reference.identity, config)
    finally:
        os.sched_setaffinity(0, allowed)
    alone = kind.SentenceTransformerEncoder(reference.identity, single, config)
    three = copy(single)
    three.lanes = Lanes.of_torch(3)
    shared = kind.SentenceTransformerEncoder(reference.identity, three, config)
    found = {encoder.encode(TEXTS).vectors.tobytes() for encoder in (alone, shared, reference)}
    assert len(found) == 1


def test_encoding_leaves_the_threads_of_torch_as_they_were():
    import torch

    before = torch.get_num_threads()
    list(Lanes.of_torch(2).work(lambda number: torch.ones(number) @ torch.ones(number), [1, 2, 3]))
    later = ThreadPoolExecutor(1).submit(torch.get_num_threads).result()
    assert (torch.get_num_threads(), later) == (before, before)


def test_a_batch_that_fails_stops_the_others():
    done = []

    def work(number):
        if number == 0:
            raise ValueError("no")
        done.append(number)
        sleep(0.01)

    with pytest.raises(ValueError, match="no"):
        list(Lanes(1).work(work, range(100)))
    assert len(done) < 100


def test_an_odd_longest_input_keeps_vectors_independent_of_their_batch(torch_encoder):
    config = SentenceTransformersConfig(backend="torch", max_length=13)
    identity = identify(config, "torch")
    encoder = kind.SentenceTransformerEncoder(identity, kind.load_pipeline(identity, config), config)
    assert encoder.max_length == 13
    whole = encoder.encode(PROBE_TEXTS)
    assert whole.truncated.sum() > 20
    one_by_one = np.concatenate([encoder.encode([text]).vectors for text in PROBE_TEXTS])
    assert one_by_one.tobytes() == whole.vectors.tobytes()


def test_a_dense_layer_keeps_vectors_independent_of_their_batch(tmp_path, torch_encoder):
    """A matrix product of one row has other bits than one of many: the pooled rows are filled up."""
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    shutil.copytree(locate(SentenceTransformersConfig()).folder, folder)
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "3_Dense").mkdir()
    settings = {"in_features": 384, "out_features": 96, "bias": True}
    settings["activation_function"] = "torch.nn.modules.linear.Identity"
    (folder / "3_Dense" / "config.json").write_text(json.dumps(settings))
    rng = np.random.default_rng(0)
    weights = {"linear.weight": (96, 384), "linear.bias": (96,)}
    tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in weights.items()}
    save_file(tensors, folder / "3_Dense" / "model.safetensors")
    config = SentenceTransformersConfig(model=str(folder), backend="torch", truncate_dim=64)
    identity = identify(config, "torch")
    assert "3_Dense/model.safetensors" in identity.document["files"]
    encoder = kind.SentenceTransformerEncoder(identity, kind.load_pipeline(identity, config), config)
    whole = encoder.encode(TEXTS).vectors
    assert whole.shape == (len(TEXTS), 64)
    expected = torch_encoder.encode(TEXTS).vectors @ tensors["linear.weight"].T + tensors["linear.bias"]
    np.testing.assert_allclose(whole, expected[:, :64], atol=1e-5)
    one_by_one = np.concatenate([encoder.encode([text]).vectors for text in TEXTS])
    assert one_by_one.tobytes() == whole.tobytes()
