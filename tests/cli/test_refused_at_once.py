"""What cannot be worked with is refused before a Prefect server is started for the run."""

import pytest

from sphering.run import lease
from sphering.store.store import Store

pytestmark = pytest.mark.command


@pytest.fixture
def refused(sphering, write_corpus, tmp_path):
    """Run a corpus without a server in a Prefect home of its own; return what was said and what is left there."""
    write_corpus(tmp_path)
    home = tmp_path / "prefect"

    def run(*arguments):
        outcome = sphering("run", *arguments, cwd=tmp_path, PREFECT_HOME=str(home), PREFECT_API_URL=None)
        return outcome, sorted(path.name for path in home.rglob("*.db*"))

    return run


def test_a_run_that_does_not_wait_beside_another(refused, tmp_path):
    held = lease.take(Store.create(tmp_path / "store").corpus("small"), "last night's run", wait=False)
    try:
        outcome, databases = refused("--no-wait")
    finally:
        held.release()
    assert outcome.code == 1
    assert "'small' is being worked on by last night's run" in outcome.err
    assert "do:       try again" in outcome.err
    assert databases == []


def test_a_store_that_is_none(refused, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.tex").write_text("mine")
    outcome, databases = refused()
    assert outcome.code == 2
    assert "is there and is no store" in outcome.err
    assert databases == []
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["thesis.tex"]
