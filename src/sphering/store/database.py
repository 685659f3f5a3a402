"""DuckDB over a snapshot: bounded memory, and a spill folder that is never the user's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@dataclass(frozen=True)
class Bounds:
    """How much memory a query over a snapshot may take, and where it spills beyond.

    Parameters
    ----------
    memory : str
        DuckDB's memory limit, such as ``1GB``.
    spill : Path, optional
        A folder for what does not fit; the system's temporary folder where there is none.
    """

    memory: str = "1GB"
    spill: Path | None = None


DEFAULT = Bounds()


@contextmanager
def bounded_connection(bounds: Bounds, database: Path | None = None) -> Iterator[Any]:
    """Open a DuckDB connection within bounds, to a database in memory unless a file is given.

    It spills into a folder of its own: DuckDB names its spill files alike in every instance, and without a folder it
    would put them into the working directory.
    """
    import duckdb

    with TemporaryDirectory(prefix="sphering-", dir=bounds.spill) as folder:
        settings: dict[str, Any] = {"memory_limit": bounds.memory, "temp_directory": folder}
        with duckdb.connect(str(database or ":memory:"), config=settings) as connection:
            yield connection
