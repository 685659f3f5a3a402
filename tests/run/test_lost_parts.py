"""A part of a published release that is lost: made again by the next run, or refused by it with what to do."""

import shutil
from pathlib import Path

import pytest
from nights import embedded, release

from sphering.errors import IntegrityError
from sphering.maintenance.verify import verify
from sphering.run.finish import abandon, finish
from sphering.store.documents import read_document, to_bytes
from sphering.store.store import Store

FORMATS = ("npy", "parquet", "fbin")
EXPORTS = [{"name": name, "format": name} for name in FORMATS]


@pytest.fixture
def published(copied_nights):
    """A configuration whose release has three exports, the result of its first run, and its corpus."""
    config, (result,) = copied_nights(40, export=EXPORTS)
    return config, result, Store.open(Path(config.store)).corpus(config.corpus)


def export_path(store, result, name):
    (entry,) = [entry for entry in result["exports"] if entry["name"] == name]
    return store.files.path(entry["path"])


def refused(config):
    """Run as far as it goes, end as a failed run does, and return the error."""
    workspace = embedded(config)
    with pytest.raises(IntegrityError, match="backup") as raised:
        ended(workspace)
    abandon(workspace, raised.value)
    return raised.value


def ended(workspace):
    release(workspace)
    finish(workspace)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("lost", ["the manifest", "the folder"])
def test_a_lost_export_is_made_again_as_it_was_by_an_unchanged_night(lost, name, run, published):
    config, first, store = published
    folder = export_path(store, first, name)
    before = content(folder)
    if lost == "the folder":
        shutil.rmtree(folder)
    else:
        (folder / "manifest.json").unlink()
    again = run(config)
    assert (again["release"], again["release_status"], again["exit_code"]) == (first["release"], "unchanged", 0)
    assert content(folder) == before
    assert verify(store).sound


def test_a_lost_report_is_made_again_by_an_unchanged_night(run, published):
    config, first, store = published
    key = store.layout.report(store.release(first["release"]).report)
    before = read_document(store.files, key)
    store.files.remove(key)
    assert run(config)["release_status"] == "unchanged"
    assert read_document(store.files, key) == before
    assert verify(store).sound


def test_an_export_that_is_not_made_again_as_it_was_stops_every_run_until_it_is_copied_back(run, published):
    config, first, store = published
    folder = export_path(store, first, "npy")
    backup = folder.with_name("backup")
    shutil.copytree(folder, backup)
    _say_another_version(store, folder)
    for _ in range(2):
        assert refused(config).where == store.files.where(f"{store.layout.export(folder.name)}/manifest.json")
    shutil.rmtree(folder)
    backup.rename(folder)
    assert run(config)["release_status"] == "unchanged"


def _say_another_version(store, folder):
    """Write the manifest as a run with other libraries makes it again."""
    key = f"{store.layout.export(folder.name)}/manifest.json"
    document = read_document(store.files, key)
    store.files.replace(key, to_bytes(document | {"libraries": {"sphering": "0.0.1"}}))


def test_who_has_no_backup_gets_a_new_release_from_an_export_of_another_name(run, published, corpus, questions):
    _, first, store = published
    _say_another_version(store, export_path(store, first, "npy"))
    renamed = [{**EXPORTS[0], "name": "another"}, *EXPORTS[1:]]
    result = run(corpus(questions[:40], export=renamed))
    assert result["release_status"] == "published"
    assert result["release"] != first["release"]


def test_a_changed_night_whose_base_lost_its_report_says_what_is_lost(published, corpus, questions):
    _, first, store = published
    key = store.layout.report(store.release(first["release"]).report)
    store.files.remove(key)
    assert refused(corpus(questions[:50], export=EXPORTS)).where == store.files.where(key)
