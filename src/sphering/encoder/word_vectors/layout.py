"""How a file of word vectors is laid out: as text or binary, with a first line of counts or without."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from sphering.errors import ModelError

UNREADABLE = (OSError, EOFError, zlib.error)
_LONGEST = 1 << 20
_BEGINNING = 1 << 12
_NUMERIC = frozenset(b"0123456789+-.eEnaifNAIF \t\r")
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r")


@dataclass(frozen=True)
class Layout:
    """What the beginning of a file says.

    Attributes
    ----------
    binary : bool
    dimension : int
    words : int or None
        How many the first line announces; None where there is no such line.
    trailing : bool
        Whether lines of text end in a space, as those of word2vec and fastText do.
    """

    binary: bool
    dimension: int
    words: int | None
    trailing: bool


def opened(path: Path) -> BinaryIO:
    """Open a file of word vectors, decompressed where its name ends in .gz."""
    return cast("BinaryIO", gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb"))


def read_layout(path: Path) -> Layout:
    """Return the layout of a file.

    Raises
    ------
    ModelError
        If it is no file of word vectors.
    """
    try:
        with opened(path) as stream:
            first, second, more = stream.readline(_LONGEST), stream.readline(_LONGEST), stream.read(_BEGINNING)
    except UNREADABLE as error:
        raise unreadable(path, str(error)) from error
    header = _header(first)
    if header is None:
        return _text(path, first, None)
    words, dimension = header
    if dimension < 1:
        raise unreadable(path, f"its first line announces vectors of {dimension} dimensions")
    fields = len(second.rstrip(b" \r\n").split(b" "))
    # Bytes of a binary number may look like a line of decimal ones; they do not look like d of them, or go on so.
    if not _is_text(second) or (fields != dimension + 1 and not _CONTROL.isdisjoint(more)):
        return Layout(True, dimension, words, False)
    found = _text(path, second, words)
    if found.dimension != dimension:
        raise unreadable(
            path, f"its first line announces vectors of {dimension} dimensions, line 2 has {found.dimension}"
        )
    return found


def unreadable(path: Path, what: str, where: str = "") -> ModelError:
    """Return the error for a file that is not what it should be."""
    return ModelError(
        f"the word vectors cannot be read: {what}",
        expected="lines of a word and its numbers (GloVe, word2vec, fastText .vec), or word2vec's binary form",
        where=f"{path}{where}",
        remedy="fetch the file again, whole",
    )


def _header(line: bytes) -> tuple[int, int] | None:
    fields = line.split()
    return (int(fields[0]), int(fields[1])) if len(fields) == 2 and all(field.isdigit() for field in fields) else None


def _is_text(line: bytes) -> bool:
    """Return whether all behind the first space could be numbers in decimal; those in binary never look so."""
    numbers = line.rstrip(b"\n").partition(b" ")[2]
    return bool(numbers.strip()) and _NUMERIC.issuperset(numbers)


def _text(path: Path, line: bytes, words: int | None) -> Layout:
    plain = line.rstrip(b"\r\n")
    fields = plain.rstrip(b" ").split(b" ")
    if len(fields) < 2 or not _is_text(plain):
        shown = plain[:60].decode(errors="replace")
        raise unreadable(path, f"no word and its numbers: {shown!r}", ", line 1" if words is None else ", line 2")
    return Layout(False, len(fields) - 1, words, plain.endswith(b" "))
