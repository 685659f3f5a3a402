"""Text corpora to vectors an ANN index can trust."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphering.door import StoreDoor

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def open(path: str | Path) -> StoreDoor:
    """Open a store: ``sphering.open("store").corpus("banking77").release("published").scan()``.

    Raises
    ------
    NotFoundError
        If there is no store at that path.
    """
    from sphering.door import open_store

    return open_store(path)
