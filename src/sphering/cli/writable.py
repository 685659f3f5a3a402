"""Files that a command is asked to write."""

from __future__ import annotations

import os
from pathlib import Path

from sphering.errors import InputError


def check_writable(file: Path, option: str) -> None:
    """Refuse a file that cannot be written before minutes are spent on what goes into it.

    Parameters
    ----------
    file : Path
    option : str
        The option that names it, such as `--ids`.

    Raises
    ------
    InputError
        If its folder does not exist or may not be written to, or it is a folder itself.
    """
    if not file.parent.is_dir():
        wrong, remedy = f"there is no folder {file.parent}", "make the folder first"
    elif file.is_dir():
        wrong, remedy = f"{file} is a folder", "name a file in it"
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        wrong, remedy = f"{file} may not be written", "name a file elsewhere"
    else:
        return
    raise InputError(wrong, expected="a file to write to", where=option, remedy=remedy)
