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
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ExtraMissingError(
            f"the Python package {package!r} is not installed",
            expected=f"the extra {extra!r} of sphering",
            remedy=f'pip install "sphering[{extra}]"',
        ) from error
    except ImportError as error:
        raise ExtraMissingError(
            f"the Python package {package!r} is installed and cannot be imported: {error}",
            expected=f"a whole installation of the extra {extra!r} of sphering",
            remedy=f'pip install --force-reinstall "sphering[{extra}]"',
        ) from error
