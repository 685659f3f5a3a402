"""Paths, folders and globs to the files of one format."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sphering.config.model import SourceConfig
from sphering.errors import SourceError
from sphering.source.block import Reader
from sphering.source.opened import COMPRESSIONS, FoundFile
from sphering.source.registry import formats_of, readers


@dataclass(frozen=True)
class _Entry:
    """One path of the configuration: the files it stands for, and the folder that their names start at."""

    root: Path
    files: tuple[Path, ...]
    is_folder: bool = False


def find_files(source: SourceConfig, base: Path) -> tuple[Reader | None, list[FoundFile]]:
    """Return the reader and the files of a source, sorted by name, each once.

    A folder stands for the files in it, at any depth, that have the format's suffixes; hidden ones are passed over.
    A file's name, from which ids are made, is its path from the deepest folder that holds every configured path.
    For an upsert a folder or a glob without files is an empty source, and has no reader.

    Raises
    ------
    SourceError
        If nothing is there, or the format cannot be told, or there are several.
    """
    given = (source.path,) if isinstance(source.path, str) else source.path or ()
    may_be_empty = source.mode == "upsert"
    entries = [_expand(entry, base, may_be_empty=may_be_empty) for entry in given]
    paths = sorted({path for entry in entries for path in entry.files})
    if not paths and may_be_empty:
        return None, []
    if not paths:
        raise _nothing_found("the source has no files", given)
    reader = readers()[source.format] if source.format else _tell_format(paths, entries)
    kept = [path for path in paths if _belongs(path, reader, entries)]
    if not kept and not may_be_empty:
        raise _nothing_found(f"no file of the format {reader.format} was found", given, reader)
    root = Path(os.path.commonpath([entry.root for entry in entries]))
    return reader, sorted((_found(path, root, base) for path in kept), key=lambda file: (file.name, file.shown))


def _nothing_found(found: str, given: Sequence[str], reader: Reader | None = None) -> SourceError:
    suffixes = [suffix for each in ([reader] if reader else readers().values()) for suffix in each.suffixes]
    return SourceError(
        found,
        expected="files that end in " + ", ".join(sorted(set(suffixes))) + " (and .gz or .zst)",
        where=", ".join(given) or "[source] path",
        remedy="mend path under [source]",
    )


def _found(path: Path, root: Path, base: Path) -> FoundFile:
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    if not _is_utf8(str(path)):
        raise SourceError(
            "the name of a file is no UTF-8",
            expected="a name that can stand in an id",
            where=ascii(str(shown)),
            remedy="rename the file",
        )
    return FoundFile(path, shown.as_posix(), _plain(path.relative_to(root)).as_posix())


def _is_utf8(name: str) -> bool:
    """Return whether a file name is text: Python shows other bytes as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _plain(path: Path) -> Path:
    """Return a path without the suffix of a compression."""
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


def _suffix(path: Path) -> str:
    return _plain(path).suffix.lower()


def _expand(entry: str, base: Path, *, may_be_empty: bool) -> _Entry:
    path = Path(os.path.normpath(base / entry))
    if path.is_dir():
        return _Entry(path, tuple(_walk(path)), is_folder=True)
    if path.is_file():
        return _Entry(path.parent, (path,))
    if glob.has_magic(entry):
        root = Path(*_before_magic(path))
        found = tuple(name for name in root.glob(str(path.relative_to(root))) if name.is_file())
        if found or (may_be_empty and root.is_dir()):
            return _Entry(root, found)
    raise _missing(entry, path)


def _before_magic(path: Path) -> Iterator[str]:
    for part in path.parent.parts:
        if glob.has_magic(part):
            return
        yield part


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise unreadable(str(error.filename), error)

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _belongs(path: Path, reader: Reader, entries: list[_Entry]) -> bool:
    """Return whether a file is read: named itself or by a glob, or in a folder and with one of the suffixes."""
    named = any(path in entry.files for entry in entries if not entry.is_folder)
    return named or _suffix(path) in reader.suffixes


def _tell_format(paths: list[Path], entries: list[_Entry]) -> Reader:
    found: dict[str, Path] = {}
    for path in paths:
        formats = formats_of(_suffix(path))
        in_folder = not any(path in entry.files for entry in entries if not entry.is_folder)
        if len(formats) > 1 and in_folder:
            formats = ("text",)
        if len(formats) == 1:
            found.setdefault(formats[0], path)
        elif not in_folder:
            raise _untold(path, formats)
    if len(found) > 1:
        (one, first), (other, second), *_ = found.items()
        raise SourceError(
            f"the source mixes formats: {first.name} is {one}, {second.name} is {other}",
            expected="files of one format",
            where=str(first.parent),
            remedy="name the files with a glob, or set [source] format for a folder",
        )
    if not found:
        raise _untold(entries[0].root, ())
    return readers()[next(iter(found))]


def _untold(path: Path, formats: tuple[str, ...]) -> SourceError:
    known = {suffix: reader.format for reader in readers().values() for suffix in reader.suffixes}
    return SourceError(
        f"the format of {path.name!r} cannot be told from its name",
        expected="a name that ends in " + ", ".join(sorted(known)) + ", and .gz or .zst after it if compressed",
        where=str(path),
        remedy="set [source] format to " + " or ".join(formats or sorted(readers())),
    )


def unreadable(shown: str, error: Exception) -> SourceError:
    """Return the error for a file or folder that cannot be read, with the cause's words."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SourceError(
        f"the file cannot be read: {words.strip()}",
        expected="a readable file that is whole",
        where=shown,
        remedy="check its permissions and its compression, or fetch it again",
    )


def _missing(entry: str, path: Path) -> SourceError:
    parent = path.parent
    names = [name.name for name in parent.iterdir()] if parent.is_dir() else []
    nearest = difflib.get_close_matches(path.name, names, n=1)
    there = f"; {nearest[0]!r} is there" if nearest else ""
    return SourceError(
        f"there is no file or folder {entry!r}" if not glob.has_magic(entry) else f"no file matches {entry!r}",
        expected="a file, a folder or a glob, relative to the configuration file",
        where=str(path),
        remedy=f"mend path under [source]{there}",
    )
