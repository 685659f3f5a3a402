"""Optional dependencies: imported where they are used, refused with the command that installs them."""

from __future__ import annotations

import importlib
from types import ModuleType

from sphering.errors import ExtraMissingError


def require(module: str, extra: str) -> ModuleType:
    """Import and return an optional module.

    Raises
    ------
    ExtraMissingError
        If it is not installed; the message has the command to type.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise ExtraMissingError(
            f"the Python package {module!r} is not installed",
            expected=f"the extra {extra!r} of sphering",
            remedy=f'pip install "sphering[{extra}]"',
        ) from error
    except ImportError as error:
        raise ExtraMissingError(
            f"the Python package {module!r} is installed and cannot be imported: {error}",
            expected=f"a whole installation of the extra {extra!r} of sphering",
            remedy=f'pip install --force-reinstall "sphering[{extra}]"',
        ) from error
