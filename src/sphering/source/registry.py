"""The readers there are: every module ``read_<format>`` of this folder holds one."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import sphering.source as package
from sphering.source.block import Reader


@cache
def readers() -> dict[str, Reader]:
    """Return every reader by the name of its format, in alphabetic order."""
    names = sorted(module.name for module in iter_modules(package.__path__) if module.name.startswith("read_"))
    found: list[Reader] = [import_module(f"{package.__name__}.{name}").READER for name in names]
    return {reader.format: reader for reader in found}


def formats_of(suffix: str) -> tuple[str, ...]:
    """Return the formats whose files may have this suffix."""
    return tuple(reader.format for reader in readers().values() if suffix in reader.suffixes)
