"""The settings in a model's folder: JSON objects that are read, changed and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphering.encoder.modelfiles import read_settings


def settings_in(path: Path) -> dict[str, Any]:
    """Return the settings in a file; none where it is absent."""
    return read_settings(path) if path.is_file() else {}


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; the folder is made where it is absent."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def change(folder: Path, name: str, settings: dict[str, Any], what: str) -> dict[str, str]:
    """Write a file of a model where it is to say something else; return it with what changed, or nothing."""
    if settings_in(folder / name) == settings:
        return {}
    write_json(folder / name, settings)
    return {name: what}
