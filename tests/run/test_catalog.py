"""The catalog after a run, for people who open it with DuckDB and nothing else."""

from pathlib import Path

import duckdb

from sphering.store.temporaries import TEMPORARY_FOLDER


def ask(config, query):
    with duckdb.connect(str(Path(config.store) / "catalog.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_every_run_leaves_a_catalog_of_what_it_did(copied_nights, run, corpus, questions):
    config, (first,) = copied_nights(40)
    assert ask(config, "SELECT id, documents FROM snapshots") == [(first["snapshot"], 40)]
    assert ask(config, "SELECT count(*), count(DISTINCT embedding) FROM questions.published") == [(40, 40)]
    second = run(corpus(questions[:41]))
    assert ask(config, "SELECT run FROM runs ORDER BY run") == [(first["run"],), (second["run"],)]
    assert ask(config, "SELECT count(*) FROM questions.latest") == [(41,)]


def test_a_catalog_that_cannot_be_written_fails_no_run(run, corpus, questions, caplog):
    config = corpus(questions[:40])
    run(config)
    catalog = Path(config.store) / "catalog.duckdb"
    catalog.unlink()
    catalog.mkdir()
    assert run(corpus(questions[:41]))["release_status"] == "published"
    assert "the catalog is not up to date" in caplog.text
    assert list((Path(config.store) / TEMPORARY_FOLDER).iterdir()) == []
