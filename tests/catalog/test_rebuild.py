"""The catalog is derived: it may be deleted, and says the same again, whatever became of the store."""

import os
import shutil

import duckdb
import pytest

from sphering.catalog.ask import ask
from sphering.catalog.currency import is_current
from sphering.catalog.rebuild import catalog_path, rebuild

VIEWS = "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"


def contents(path):
    """Return the rows of every table in their order, and those of every view."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        tables = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
        views = connection.execute(VIEWS).fetchall()
        return tables | {
            view: connection.execute(f'SELECT * FROM "{view[0]}"."{view[1]}" ORDER BY ALL').fetchall() for view in views
        }


def folder_of(store, name):
    return store.root / "corpora" / "questions" / name


def test_it_is_the_same_each_time_and_what_the_run_left(store, nights):
    left = contents(nights[0] / "catalog.duckdb")
    assert len(left["runs"]) == 3
    assert contents(rebuild(store)) == contents(rebuild(store)) == left
    catalog_path(store).unlink()
    assert contents(rebuild(store)) == left


def test_nothing_is_left_beside_it_and_a_reader_keeps_the_old_one(store):
    before = sorted(path.name for path in store.root.rglob("*"))
    with duckdb.connect(str(catalog_path(store)), read_only=True) as reader:
        rebuild(store)
        assert reader.execute("SELECT count(*) FROM runs").fetchall() == [(3,)]
    assert sorted(path.name for path in store.root.rglob("*")) == before


def test_a_withdrawn_release_of_which_only_its_document_is_left_keeps_its_rows(store, nights):
    first = nights[1][0]["release"]
    corpus = store.corpus("questions")
    release = corpus.release(first)
    for folder in (f"snapshots/{release.snapshot}", f"reports/{release.report}", f"exports/{release.exports[0].id}"):
        shutil.rmtree(folder_of(store, folder))
    found = contents(rebuild(store))
    assert [row[1] for row in found["releases"] if row[1] == first] == [first]
    assert [row[1] for row in found["gates"]].count(first) == len(release.gates)
    assert [row[6:11] for row in found["exports"] if row[1] == first] == [(None,) * 5]
    assert release.report not in {row[1] for row in [*found["reports"], *found["metrics"]]}
    assert ("questions", f"snapshot_{release.snapshot}") not in found
    assert ("questions", "published") in found


@pytest.mark.parametrize("damage", ["lost", "cut short"])
def test_a_damaged_shard_costs_the_views_over_it_alone(store, nights, caplog, damage):
    second = store.corpus("questions").manifest(nights[1][1]["snapshot"])
    shard = store.root / store.corpus("questions").layout.shard(second.encoder, second.shards[-1].id)
    shard.unlink() if damage == "lost" else shard.write_bytes(shard.read_bytes()[:100])
    expected = contents(nights[0] / "catalog.duckdb")
    path = rebuild(store)
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("runs", "shards", "metrics")
        }
    assert tables == {name: expected[name] for name in tables}
    assert shard.name in caplog.text or damage == "cut short"


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_catalog_that_was_cut_short_is_built_anew_by_the_next_question(store, content):
    catalog_path(store).write_bytes(content)
    assert not is_current(store)
    assert ask(store, "SELECT count(*) AS n FROM runs") == (["n"], [(3,)])
    assert is_current(store)


def test_a_catalog_of_another_version_is_built_anew_by_the_next_question(store):
    rebuild(store)
    assert is_current(store)
    with duckdb.connect(str(catalog_path(store))) as connection:
        connection.execute("ALTER TABLE reports DROP COLUMN drift")
    assert not is_current(store)
    assert ask(store, "SELECT count(drift) AS n FROM reports") == (["n"], [(3,)])


def test_a_store_whose_path_looks_like_a_pattern_can_be_asked(store, tmp_path):
    odd = tmp_path / "a[b]*'c"
    shutil.move(store.root, odd)
    moved = type(store).open(odd)
    assert not is_current(moved)
    assert ask(moved, "SELECT count(*) AS n FROM quarantine") == (["n"], [(2,)])
    assert ask(moved, "SELECT count(*) AS n FROM questions.published") == (["n"], [(60,)])
    assert is_current(moved)


def test_a_store_without_a_quarantined_row_has_an_empty_view(store):
    for path in store.root.rglob("quarantine.parquet"):
        path.unlink()
    rebuild(store)
    assert ask(store, "SELECT * FROM quarantine")[1] == []
    assert is_current(store)


def test_a_catalog_of_which_a_bit_was_flipped_is_built_anew_by_the_question_that_finds_it(store):
    path = rebuild(store)
    columns, rows = ask(store, "SELECT * FROM runs ORDER BY run")
    whole = path.read_bytes()
    times = path.stat()
    for position in range(0, len(whole), 100_003):  # twice and more in each of the file's blocks of 256 KiB
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert ask(store, "SELECT * FROM runs ORDER BY run") == (columns, rows), position
