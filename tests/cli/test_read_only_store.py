"""A store that may be read and not written, such as a mounted backup: what reads it works."""

import json
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.run.kept_moments import ROWS_A_DIMENSION


def mount(*arguments):
    """Mount something; only root may."""
    try:
        done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


@contextmanager
def mounted(store, place):
    """Show a store in another place where it cannot be written, as long as the block runs."""
    place.mkdir()
    mount("--bind", store, place)
    try:
        mount("-o", "remount,bind,ro", place)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def read_only(run, corpus, questions, tmp_path):
    """Return a function that shows a store, changed as a test says, where it cannot be written."""
    config = corpus(questions[:40])
    result = run(config)
    with ExitStack() as stack:

        def show(change=lambda root, result: None):
            change(Path(config.store), result)
            return stack.enter_context(mounted(config.store, tmp_path / "mounted"))

        yield show


def ask(store, *arguments):
    return CliRunner().invoke(app, [*arguments, "--store", str(store)])


def without_page(root, result):
    (root / result["report"]).unlink()


def without_temporary(root, _):
    shutil.rmtree(root / "temporary")


@pytest.mark.parametrize("change", [lambda root, result: None, without_temporary])
def test_a_collection_that_only_shows_works(change, read_only):
    store = read_only(change)
    result = ask(store, "gc", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["deleted"] is False
    assert "this machine's clock" in result.stderr


def test_a_collection_that_deletes_is_refused(read_only):
    result = ask(read_only(), "gc", "--delete")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_report_prints_its_numbers_and_says_that_the_page_is_as_it_was(read_only):
    result = ask(read_only(), "report")
    assert result.exit_code == 0, result.output
    assert "mean_cosine" in result.stdout
    assert "as it was rendered before" in result.stderr
    assert "report.html" in result.stdout


def test_two_snapshots_are_compared_though_no_moments_can_be_kept(run, corpus, tmp_path):
    texts = [f"question number {number} of many" for number in range(ROWS_A_DIMENSION + 8)]
    rows = [(f"q-{number}", text) for number, text in enumerate(texts)]
    narrow = {"encoder": {"backend": "torch", "truncate_dim": 1}, "run": {"unit_rows": 1024}}
    first, second = run(corpus(rows[:-8], **narrow)), run(corpus(rows, **narrow))
    kept = list((tmp_path / "store").rglob("*.moments"))
    assert kept
    expected = json.loads(ask(tmp_path / "store", "compare", first["release"], second["release"], "--json").stdout)
    for path in kept:
        path.unlink()
    with mounted(tmp_path / "store", tmp_path / "mounted") as place:
        result = ask(place, "compare", first["release"], second["release"], "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["raw"]["metrics"]["drift"]["value"] == pytest.approx(expected["raw"]["metrics"]["drift"]["value"])
    assert found["verdict"] == expected["verdict"]


def test_a_report_without_a_page_names_none(read_only):
    store = read_only(without_page)
    plain, as_json = ask(store, "report"), ask(store, "report", "--json")
    assert plain.exit_code == as_json.exit_code == 0
    assert "report.html" not in plain.stdout
    document = json.loads(as_json.stdout)
    assert document["report"] is None
    assert document["numbers"]["raw"]
    assert "there is none" in as_json.stderr
