"""search.json beside an index: the settings of the search, and what a reader must know that the library forgets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sphering.errors import IntegrityError
from sphering.export.protocol import Settings

SEARCH = "search.json"


@dataclass(frozen=True)
class SearchFile:
    """What search.json says.

    Parameters
    ----------
    library : str
        Whose index it is.
    metric : str
        By the library's own name.
    dtype : str
        How the index stores a number.
    dimension : int
        Of the unit vectors that it holds and takes.
    vectors : int
        How many it holds.
    queries : str
        What a query is, in words.
    settings : Settings
        To be set by whoever opens the index.
    sha256 : mapping, optional
        The digests of the index' files by name, where there are several that have to be of one build.
    """

    library: str
    metric: str
    dtype: str
    dimension: int
    vectors: int
    queries: str
    settings: Settings
    sha256: dict[str, str] | None = None

    def write(self, folder: Path) -> None:
        """Write it into a folder, in place of what is there."""
        text = json.dumps(asdict(self), indent=2)
        (folder / SEARCH).unlink(missing_ok=True)
        (folder / SEARCH).write_text(text + "\n", encoding="utf-8")

    def setting(self, name: str, folder: Path) -> int:
        """Return one of the settings.

        Raises
        ------
        IntegrityError
            If it is not there.
        """
        if name not in self.settings:
            raise IntegrityError(f"settings {self.settings}", expected=name, where=str(folder / SEARCH))
        return self.settings[name]

    def require(self, path: Path, **found: Any) -> None:
        """Refuse an index that is not what is said of it.

        Parameters
        ----------
        path : Path
            The index.
        **found
            Some of the fields, as the library reads them.

        Raises
        ------
        IntegrityError
            If one differs.
        """
        for name, value in found.items():
            if value != getattr(self, name):
                raise IntegrityError(
                    f"the index has {name} {value}",
                    expected=f"{getattr(self, name)}, as {SEARCH} says",
                    where=str(path),
                )


def read_search(folder: Path, library: str, metrics: tuple[str, ...]) -> SearchFile:
    """Return what search.json says.

    Parameters
    ----------
    folder : Path
    library : str
        Whose index is expected.
    metrics : tuple of str
        The metrics that give the cosine of unit vectors.

    Raises
    ------
    IntegrityError
        If it is missing or damaged, or is of another library or metric.
    """
    path = folder / SEARCH
    try:
        found = SearchFile(**json.loads(path.read_text(encoding="utf-8")))
        numbers = [found.dimension, found.vectors, *found.settings.values(), *map(len, (found.sha256 or {}).values())]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(path)) from error
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        raise IntegrityError(f"settings {found.settings}", expected="positive whole numbers", where=str(path))
    if found.library != library or found.metric not in metrics:
        raise IntegrityError(
            f"an index of {found.library} with the metric {found.metric}",
            expected=f"one of {library} with {' or '.join(metrics)}, the cosine of unit vectors",
            where=str(path),
        )
    return found
