"""Where memory or disk does not suffice: the words of libraries in ours, with what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphering.errors import SpheringError, StorageError

_NUMPY_WROTE_LESS = re.compile(r"\d+ requested and \d+ written")
_AGAIN = "then run again: what was finished is kept"


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that the disk is full.

    DuckDB, FAISS and safetensors say it in errors of their own, and NumPy in an OSError without a number.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    words = str(error)
    return "No space left on device" in words or _NUMPY_WROTE_LESS.search(words) is not None


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that DuckDB reached its memory limit, or that of its files beyond it."""
    return "Out of Memory Error" in str(error)


def exhaustion(error: BaseException, where: str | None = None, memory: str | None = None) -> StorageError | None:
    """Return what a library says of too little memory or disk in our words; None if it says something else.

    Parameters
    ----------
    error : BaseException
    where : str, optional
        The folder that was written to; by default the file that the error names.
    memory : str, optional
        The memory limit.
    """
    if isinstance(error, SpheringError):
        return None
    words = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if is_disk_full(error):
        place = getattr(error, "filename", None) or where
        return StorageError(
            "no space is left on the disk" + ("" if place else f": {words}"),
            expected="space for the store and for the run's working files",
            where=str(place) if place else None,
            remedy=f"free some space, {_AGAIN}",
        )
    if is_out_of_memory(error):
        limit = f", {memory}," if memory else ""
        return StorageError(
            f"the memory limit{limit} does not suffice, with the disk for what exceeds it: {words}",
            expected="memory for the largest step, or free disk for what exceeds it",
            where=where,
            remedy=f"raise memory under [run], or free disk space, {_AGAIN}",
        )
    return None


@contextmanager
def exhaustion_errors(where: Path, memory: str | None = None) -> Iterator[None]:
    """Turn what libraries say of too little memory or disk into a StorageError that says what to do."""
    try:
        yield
    except Exception as error:
        known = exhaustion(error, str(where), memory)
        if known is None:
            raise
        raise known from error
