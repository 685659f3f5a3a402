"""Bad input gets a message and exit code 2, the unforeseen gets exit code 1, and neither a traceback."""

import errno
import hashlib
import shutil

import pytest
import typer
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.cli.command import command
from sphering.errors import IntegrityError
from sphering.store.documents import to_bytes
from tests.cli.conftest import Outcome

pytestmark = pytest.mark.command

ROW = {"id": "1", "text": "a real question"}


def assert_says_what_to_do(outcome, *words):
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    message = outcome.err[outcome.err.index("error: ") :]
    for word in words:
        assert word in message
    assert "do:       " in message


@pytest.fixture
def asked(monkeypatch):
    """Run `sphering ARGUMENTS` in a folder and in this process, a command that needs no Prefect."""

    def run(*arguments, cwd):
        monkeypatch.chdir(cwd)
        done = CliRunner().invoke(app, [*map(str, arguments)])
        return Outcome(done.exit_code, done.stdout, done.stderr)

    return run


def test_a_missing_configuration(sphering, tmp_path):
    assert_says_what_to_do(sphering("run", cwd=tmp_path), str(tmp_path / "sphering.toml"), "sphering init")


def test_an_unknown_key(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path, '[encoder]\nmodle = "x"\n')
    assert_says_what_to_do(sphering("run", cwd=tmp_path), "'modle' in [encoder]", "did you mean `model`")


def test_a_missing_source(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path)
    outcome = sphering("run", "--set", "source.path=row.jsonl", cwd=tmp_path)
    assert_says_what_to_do(outcome, "row.jsonl", "rows.jsonl")
    assert list(tmp_path.glob("store/corpora/*/snapshots/*")) == []
    assert list(tmp_path.glob("store/corpora/*/scratch/*")) == []


def test_a_missing_column(asked, write_corpus, tmp_path):
    write_corpus(tmp_path)
    outcome = asked("plan", "--set", "source.text=body", cwd=tmp_path)
    assert_says_what_to_do(outcome, "'body'", "'id', 'text'")


def test_a_conflicting_id(asked, write_corpus, tmp_path):
    write_corpus(tmp_path, rows=[ROW, {**ROW, "text": "another question"}])
    assert_says_what_to_do(asked("plan", cwd=tmp_path), "id '1'", "row 2")


def test_an_empty_corpus(asked, write_corpus, tmp_path):
    write_corpus(tmp_path, rows=[{**ROW, "text": ""}])
    assert_says_what_to_do(asked("plan", cwd=tmp_path), "gave no document", "1 quarantined")


def test_a_model_that_cannot_be_found(asked, write_corpus, tmp_path):
    write_corpus(tmp_path, '[encoder]\nmodel = "./models/none"\n')
    assert_says_what_to_do(asked("plan", cwd=tmp_path), str(tmp_path / "models" / "none"), "pip install")


def test_a_store_of_a_newer_version(asked, write_corpus, tmp_path):
    write_corpus(tmp_path)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.json").write_bytes(to_bytes({"format": 99}))
    for arguments in (["plan"], ["show"], ["show", "--store", "store"]):
        done = asked(
            *arguments,
            cwd=tmp_path,
        )
        assert_says_what_to_do(done, "format 99", "upgrade sphering")


def test_a_prefect_server_that_does_not_answer(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path)
    outcome = sphering("run", cwd=tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert_says_what_to_do(outcome, "http://127.0.0.1:9/api", "PREFECT_API_URL")
    assert not (tmp_path / "store").exists()


@pytest.fixture(scope="module")
def published(sphering, write_corpus, tmp_path_factory):
    """A folder with a configuration, sources good and bad, and a store with a published release."""
    folder = tmp_path_factory.mktemp("published")
    for name, rows in {"conflict": [ROW, {**ROW, "text": "other"}], "empty": [{**ROW, "text": ""}]}.items():
        write_corpus(folder, rows=rows)
        (folder / "rows.jsonl").rename(folder / f"{name}.jsonl")
    write_corpus(
        folder, '[encoder]\nbackend = "torch"\n[report]\nsample = 100\n[[export]]\nname = "npy"\nformat = "npy"\n'
    )
    assert sphering("run", cwd=folder).code == 0
    return folder


def files_of(store):
    """What is in a store, but for the records of runs, which failed ones leave as well, and for who worked on it last.

    Nothing is left of a workspace.
    """
    assert not list(store.glob("corpora/*/scratch/*"))
    files = (path for path in store.rglob("*") if path.is_file() and not {"runs", "locks"} & set(path.parts))
    return {path.relative_to(store): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    ("override", "environment", "words"),
    [
        ("source.path=row.jsonl", {}, ["row.jsonl", "'rows.jsonl' is there"]),
        ("source.txt=body", {}, ["unknown key 'txt' in [source]", "`text`"]),
        ("source.text=body", {}, ["no column 'body'", "'id', 'text'"]),
        ("source.path=conflict.jsonl", {}, ["id '1'", "row 2"]),
        ("source.path=empty.jsonl", {}, ["gave no document", "1 empty", "empty.jsonl, row 1"]),
        ("encoder.model=./none", {}, ["none", "pip install"]),
        ("run.workers=1", {"PREFECT_API_URL": "http://127.0.0.1:9/api"}, ["127.0.0.1:9", "PREFECT_API_URL"]),
    ],
    ids=["missing file", "unknown key", "missing column", "conflict", "empty corpus", "missing model", "silent server"],
)
def test_bad_input_changes_nothing_in_a_store_that_is_there(override, environment, words, published, sphering):
    before = files_of(published / "store")
    outcome = sphering("run", "--set", override, cwd=published, **environment)
    assert_says_what_to_do(outcome, *words)
    assert outcome.err.splitlines()[-1].startswith("  do:       ")
    assert files_of(published / "store") == before


def test_a_run_changes_nothing_in_a_store_of_a_newer_version(published, sphering, tmp_path):
    store = shutil.copytree(published / "store", tmp_path / "newer")
    (store / "store.json").write_bytes(to_bytes({"format": 99}))
    before = files_of(store)
    assert_says_what_to_do(sphering("run", "--set", f"store={store}", cwd=published), "format 99", "upgrade sphering")
    assert files_of(store) == before


@pytest.mark.parametrize("arguments", [["show"], ["search", "x"], ["sql", "SELECT 1"], ["verify"], ["snapshots"]])
def test_a_store_that_is_not_there_yet(asked, write_corpus, tmp_path, arguments):
    write_corpus(tmp_path)
    assert_says_what_to_do(asked(*arguments, cwd=tmp_path), str(tmp_path / "store"), "sphering run")
    assert not (tmp_path / "store").exists()


def test_options_that_contradict_each_other(asked, write_corpus, tmp_path):
    file = write_corpus(tmp_path)
    assert "both given" in asked("show", "--config", file, "--store", "store", cwd=tmp_path).err
    assert "without --store" in asked("show", "--corpus", "small", cwd=tmp_path).err


def probe(error):
    """A command that fails with an error, among others."""
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @command(app, "probe", example="sphering probe", options=("verbose",))
    def fail(shared):
        """Fail."""
        raise error

    @app.command()
    def other():
        """Do nothing."""

    return app


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RuntimeError("first line\nsecond"), 1, "error: RuntimeError: first line\n"),
        (ValueError(), 1, "ValueError: no message"),
        (IntegrityError("an edited byte", remedy="restore it"), 1, "error: an edited byte\n  do:       restore it"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), 2, "free some space"),
        (RuntimeError("IO Error: could not write: No space left on device"), 2, "free some space"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_every_error_has_its_exit_code_and_no_traceback(error, code, words):
    result = CliRunner().invoke(probe(error), ["probe"])
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_the_traceback_comes_with_v():
    result = CliRunner().invoke(probe(RuntimeError("deep")), ["probe", "-v"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "raise error" in result.stderr
