"""Queries over a snapshot keep to their memory and leave nothing behind."""

import tempfile
from pathlib import Path

from sphering.store.database import DEFAULT, Bounds, bounded_connection

SPILLING = "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY hash(i)) AS n FROM range(3000000) AS r(i))"


def setting(connection, name):
    return connection.execute("SELECT current_setting($name)", {"name": name}).fetchone()[0]


def test_what_does_not_fit_spills_into_the_folder_that_was_given(tmp_path, monkeypatch):
    spill, here = tmp_path / "spill", tmp_path / "here"
    spill.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    with bounded_connection(Bounds("60MB", spill)) as connection:
        assert setting(connection, "memory_limit") == "57.2 MiB"
        assert connection.execute(SPILLING).fetchone()[0] == 3_000_000
        assert list(spill.iterdir()) == [Path(setting(connection, "temp_directory"))]
    assert list(spill.iterdir()) == list(here.iterdir()) == []


def test_without_a_folder_it_spills_beside_the_system_s_temporary_files():
    with bounded_connection(DEFAULT) as connection:
        assert Path(setting(connection, "temp_directory")).parent == Path(tempfile.gettempdir())
        assert setting(connection, "memory_limit") == "953.6 MiB"


def test_two_queries_at_once_spill_into_folders_of_their_own(tmp_path):
    bounds = Bounds("60MB", tmp_path)
    with bounded_connection(bounds) as one, bounded_connection(bounds) as other:
        assert setting(one, "temp_directory") != setting(other, "temp_directory")
