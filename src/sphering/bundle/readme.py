"""README.md of a bundle's folder: how each of its files is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

README = "README.md"
_TEMPLATE = "folder.md.jinja"


def write_readme(document: dict[str, Any], folder: Path) -> None:
    """Write the README of a folder from what will stand in its bundle.json."""
    from jinja2 import Environment, StrictUndefined

    template = Path(__file__).with_name(_TEMPLATE).read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - no HTML
    text = environment.from_string(template).render(document, keep_trailing_newline=True)
    (folder / README).write_text(text.rstrip() + "\n", encoding="utf-8")
