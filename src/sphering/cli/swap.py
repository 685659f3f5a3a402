"""A folder made beside its place and put there whole, by one rename."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sphering.errors import InputError
from sphering.store.files import storage_errors
from sphering.store.flush import flush, flush_tree
from sphering.store.processes import is_alive
from sphering.store.temporaries import HOST

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE
_UNKNOWN = (errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTSUP)


def swap_in(folder: Path, fill: Callable[[Path], Any]) -> None:
    """Put a new folder in the place of `folder`, after `fill` has filled it.

    Whoever opens the folder finds the old one or the new one, never none and never a mixture; where the kernel or the
    file system cannot exchange two folders at once, there is none for an instant. When anything fails, the old folder
    is as it was. What killed processes of this machine left half-filled beside it is removed. The new one is flushed
    to disk before, so that a power cut leaves no other state either. Where `folder` is a symbolic link, what it leads
    to is replaced.
    """
    folder = folder.resolve()
    mark = f"{HOST}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    new, old = (folder.with_name(f".{folder.name}.{name}.{mark}") for name in ("new", "old"))
    with storage_errors(folder):
        _remove_dead(folder)
        try:
            new.mkdir(parents=True)
            fill(new)
            flush_tree(new)
            _put(folder, new, old)
            flush(folder.parent)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_replaceable(folder: Path, mark: str, command: str) -> None:
    """Refuse to replace a folder that a command did not make.

    Parameters
    ----------
    folder : Path
    mark : str
        The file that all folders of the command have.
    command : str
        As a person types it.

    Raises
    ------
    InputError
        If the folder is there, is not empty and has no such file.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not (folder / mark).is_file():
        raise InputError(
            f"{folder} is there and was not made by `{command}`",
            expected=f"a new or empty folder, or one that `{command}` made",
            where=str(folder),
            remedy="name another folder: its whole content would be replaced",
        )


def _remove_dead(folder: Path) -> None:
    """Remove new folders of processes that are gone; an old one may be all that a kill between two renames left."""
    before = f".{folder.name}.new.{HOST}."
    for path in folder.parent.glob(f"{glob.escape(before)}*.tmp"):
        process = path.name.removeprefix(before).split(".")[0]
        if process.isdecimal() and not is_alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _put(folder: Path, new: Path, old: Path) -> None:
    if not folder.exists():
        new.rename(folder)
    elif not _exchange(folder, new):
        _rename_twice(folder, new, old)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names at once (renameat2, Linux 3.15); return False where that is not to be had."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), str(one))


def _rename_twice(folder: Path, new: Path, old: Path) -> None:
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
