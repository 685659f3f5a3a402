"""The database of a temporary Prefect server: a file of its own, which goes with the server.

In Prefect's home it would grow with every night, and two runs at once would share one SQLite file between two servers.
To make an empty database costs 9 s of computing, so one is kept for the next run, in the user's cache folder.
"""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

URL: Final = "PREFECT_API_DATABASE_CONNECTION_URL"
_FILE: Final = "prefect.db"


def new_folder() -> Path:
    """Return a new temporary folder for a database, which is in it already where an empty one was kept."""
    folder = Path(tempfile.mkdtemp(prefix="sphering-prefect-"))
    try:
        _copy(_kept(), folder / _FILE)
    except (OSError, sqlite3.Error):  # none is kept, or what is kept is no database: Prefect makes one
        (folder / _FILE).unlink(missing_ok=True)
    return folder


def url(folder: Path) -> str:
    """Return the address of the database in a folder, as Prefect's setting has it."""
    return f"sqlite+aiosqlite:///{folder / _FILE}"


def keep(folder: Path) -> None:
    """Keep the database in a folder for later runs, where it was just made and has no run in it yet."""
    kept = _kept()
    with suppress(OSError, sqlite3.Error):  # a home that cannot be written costs time and nothing else
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(f".{os.getpid()}.tmp")
        try:
            _copy(folder / _FILE, beside)
            beside.replace(kept)
        finally:
            beside.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove a database with its folder; it may be gone already."""
    shutil.rmtree(folder, ignore_errors=True)


def _kept() -> Path:
    """Return where the empty database of this version of Prefect is kept; another version has other tables."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sphering" / f"prefect-{version('prefect')}.db"


def _copy(source: Path, target: Path) -> None:
    """Copy a database that a server may have open; not its journal, but what the journal says."""
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
        # One file, without the two that write-ahead logging puts beside it; Prefect switches it on again.
        writer.execute("PRAGMA journal_mode = DELETE")
