"""What serves is never a release that nobody compared: a source that changes during a backfill holds it."""

from pathlib import Path

import polars as pl
import pytest

from sphering.config.load import load
from sphering.flows.backfill import backfill, enter
from sphering.flows.main_job import main_job
from sphering.maintenance.judged import judge_migration
from sphering.maintenance.migration import entering
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store
from sphering.tasks.pages import migration_page

SAMPLE = Path(__file__).parents[1] / "data" / "banking77" / "banking77-200.parquet"
pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def source(write_config, tmp_path):
    """A source of its own and a configuration over it, which has published in main."""
    sample = pl.read_parquet(SAMPLE).head(40)
    path = tmp_path / "source.parquet"
    sample.write_parquet(path)
    file = write_config(tmp_path, source=path)
    main_job(file)
    return path, file


def changed(path):
    rows = pl.read_parquet(path)
    rows.head(rows.height - 1).write_parquet(path)


def test_where_the_source_changed_since_the_release_was_judged_nothing_moves(source):
    path, file = source
    aside = load(file, overrides=["run.channel=next", "encoder.max_length=8"])
    made = main_job(aside)
    corpus = Store.open(aside.store).corpus(aside.corpus)
    before = corpus.refs.history("main", PUBLISHED)
    changed(path)
    result = enter(entering(aside, "main"), made["snapshot"])
    assert result["release_status"] is None
    assert result["snapshot"] != made["snapshot"]
    assert corpus.refs.history("main", PUBLISHED) == before
    judged = judge_migration(corpus, corpus.find("main/published"), corpus.find("next/published"))
    page = migration_page(aside, "main", judged, result)
    assert page.verdict.startswith("held: banking77, main stays as it is, because the source changed")
    assert result["snapshot"] in page.verdict
    assert "start it again" in page.todo
    assert backfill(aside)["release_status"] == "published"
    assert corpus.refs.history("main", PUBLISHED)[:-1] == before
