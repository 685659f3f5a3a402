"""Which files hold the vectors, in which state they are, and how long a vector is."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from sphering.config.encoder import PrecomputedConfig
from sphering.errors import ModelError

State = tuple[tuple[str, int, int, int, int], ...]


@dataclass(frozen=True)
class VectorFiles:
    """The files of a configuration.

    Attributes
    ----------
    vectors : tuple of Path
        Parquet files by name, or one matrix.
    texts : Path or None
        The texts of a matrix, row by row.
    """

    vectors: tuple[Path, ...]
    texts: Path | None

    @property
    def state(self) -> State:
        """What tells the files from other or later ones: inode, size and times; reads none."""
        return tuple(_state(path) for path in (*self.vectors, *([self.texts] if self.texts else [])))

    @property
    def shown(self) -> str:
        """How messages name them."""
        first, *others = (str(path) for path in self.vectors)
        return f"{first} and {len(others)} more" if others else first


def find_vectors(config: PrecomputedConfig) -> VectorFiles:
    """Return the files that `vectors` and `texts` name.

    Raises
    ------
    ModelError
        If one is not there.
    """
    given = (config.vectors,) if isinstance(config.vectors, str) else config.vectors
    paths = sorted({path for entry in given for path in _expand(entry)})
    return VectorFiles(tuple(paths), _there(config.texts) if config.texts is not None else None)


def _expand(entry: str) -> list[Path]:
    if glob.has_magic(entry) and not Path(entry).exists():
        anchor = Path(Path(entry).anchor)
        found = [path for path in anchor.glob(str(Path(entry).relative_to(anchor))) if path.is_file()]
        return found or [_there(entry)]
    return [_there(entry)]


def _there(entry: str) -> Path:
    path = Path(entry)
    if not path.is_file():
        raise ModelError(
            f"there is no file {entry!r}",
            expected="files with vectors, relative to the configuration file",
            where="[encoder] vectors and texts",
            remedy="mend the path, or make the vectors",
        )
    return path


def _state(path: Path) -> tuple[str, int, int, int, int]:
    state = path.stat()
    return str(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
