"""One source file while it is read: decompressed, counted and hashed in a single pass."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from sphering.errors import SourceChangedError, SourceError

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_DRAIN = 1 << 20


@dataclass(frozen=True)
class FoundFile:
    """A file of the source.

    Parameters
    ----------
    path : Path
        Where it lies.
    shown : str
        How messages and records name it.
    name : str
        Its path inside the source, without the suffix of a compression: what ids are made from.
    """

    path: Path
    shown: str
    name: str

    @property
    def suffix(self) -> str:
        """The suffix that tells the format, in lower case."""
        return Path(self.name).suffix.lower()


@dataclass(frozen=True)
class SourceFile:
    """What a run's record keeps of a file that was read."""

    path: str
    bytes: int
    sha256: str


class _HashedBytes(io.RawIOBase):
    """The bytes of a file; SHA-256 follows what is read."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb", buffering=0)
        self._sha256 = hashlib.sha256()
        self._is_whole = False
        self.length = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._raw.readinto(buffer)
        self._sha256.update(memoryview(buffer)[:count])
        self.length += count
        return count

    def drain(self) -> str:
        while not self._is_whole:
            self._is_whole = not self.read(_DRAIN)
        return self._sha256.hexdigest()

    def again(self) -> BinaryIO:
        """Return the whole file from its start, after it was hashed to its end."""
        self.drain()
        copy = os.fdopen(os.dup(self._raw.fileno()), "rb", buffering=0)
        copy.seek(0)
        return copy

    def stamp(self) -> tuple[int, int]:
        state = os.fstat(self._raw.fileno())
        return state.st_size, state.st_mtime_ns

    def close(self) -> None:
        self._raw.close()
        super().close()


class OpenedFile:
    """A file that a reader reads, as a stream or, for formats that seek, from any place.

    Raises
    ------
    OSError
        If the file cannot be opened; the caller names it.
    """

    def __init__(self, file: FoundFile, scratch: Path) -> None:
        self.file = file
        self.name = file.name
        self.shown = file.shown
        self.compression = COMPRESSIONS.get(file.path.suffix.lower())
        self._scratch = scratch
        self._bytes = _HashedBytes(file.path)
        self._stamp = self._bytes.stamp()
        self._stream: Any = None  # kept: a stream that is collected closes the bytes below it

    def stream(self) -> Any:
        """Return the decompressed bytes as a file object, to be read once."""
        if self.compression is None:
            self._stream = io.BufferedReader(self._bytes, buffer_size=_DRAIN)
            return self._stream
        if self._stamp[0] == 0:
            raise SourceError(
                "the compressed file is empty",
                expected=f"{self.compression} data",
                where=self.shown,
                remedy="fetch the file again; an empty file, compressed, is not empty",
            )
        self._stream = pa.CompressedInputStream(pa.PythonFile(self._bytes, mode="r"), self.compression)
        return self._stream

    def seekable(self) -> BinaryIO:
        """Return the decompressed bytes as a file object that seeks, to be closed by the caller.

        The bytes are hashed first. They are read from the file that is open, not by its path again: that may name
        another file by now.
        """
        if self.compression is None:
            return self._bytes.again()
        self._scratch.mkdir(parents=True, exist_ok=True)
        copy = self._scratch / "decompressed"
        with copy.open("wb") as target:
            shutil.copyfileobj(self.stream(), target, _DRAIN)
        return copy.open("rb", buffering=0)

    def finish(self) -> SourceFile:
        """Read what the reader left, and return what is recorded of the file.

        Raises
        ------
        SourceChangedError
            If the file was written to while it was read.
        """
        sha256 = self._bytes.drain()
        if self._bytes.stamp() != self._stamp or self._bytes.length != self._stamp[0]:
            raise SourceChangedError(
                f"the file changed while it was read: {self._stamp[0]} bytes when it was opened, "
                f"{self._bytes.stamp()[0]} now",
                where=self.shown,
                remedy="run again when the file is complete; write it elsewhere and rename it into place",
            )
        return SourceFile(self.shown, self._bytes.length, sha256)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()
