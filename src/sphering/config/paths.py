"""Relative paths of a configuration are relative to its file; loading makes them absolute."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sphering.errors import ConfigError

_EVALUATION_FILES = ("pairs", "queries", "qrels")
_ENCODER_FILES = {"precomputed": ("vectors", "texts"), "word-vectors": ("path", "frequencies")}
_REMOTE = "s3://"


def is_remote(place: Path | str) -> bool:
    """Return whether a store's place is an object store's URL."""
    return str(place).startswith(_REMOTE)


def absolute_paths(document: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return the document with every path that it names made absolute; values of a wrong type are left to the model.

    Parameters
    ----------
    document : dict
        The parsed file.
    file : Path
        Its absolute path.

    Raises
    ------
    ConfigError
        If a path is the URL of a remote place.
    """
    content = {key: dict(value) if isinstance(value, dict) else value for key, value in document.items()}
    content["store"] = _store(content.get("store", "store"), file)
    names = ("source", "encoder", "chunk", "evaluation", "metrics")
    source, encoder, chunk, evaluation, metrics = (content.get(name) for name in names)
    if isinstance(source, dict) and "path" in source:
        source["path"] = _each(source["path"], file, "source.path")
    if isinstance(encoder, dict):
        encoder |= {key: _model(encoder[key], file.parent) for key in _models(encoder)}
        for name in _encoder_files(encoder):
            encoder[name] = _each(encoder[name], file, f"encoder.{name}")
    if isinstance(chunk, dict) and isinstance(chunk.get("tokenizer"), str):
        chunk["tokenizer"] = _model(chunk["tokenizer"], file.parent)
    if isinstance(metrics, dict) and "file" in metrics:
        metrics["file"] = _absolute(metrics["file"], file, "metrics.file")
    if isinstance(evaluation, dict):
        for name in _EVALUATION_FILES:
            if name in evaluation:
                evaluation[name] = _absolute(evaluation[name], file, f"evaluation.{name}")
    return content


def _models(encoder: dict[str, Any]) -> list[str]:
    """Return the keys of [encoder] that may name a folder; a hosted model's name never does."""
    names = ("tokenizer",) if encoder.get("kind") == "openai" else ("model",)
    return [name for name in names if isinstance(encoder.get(name), str)]


def _encoder_files(encoder: dict[str, Any]) -> list[str]:
    """Return the keys of an [encoder] table that name files."""
    kind = encoder.get("kind")
    return [name for name in _ENCODER_FILES.get(kind, ()) if name in encoder] if isinstance(kind, str) else []


def _store(value: Any, file: Path) -> Any:
    if not isinstance(value, str) or is_remote(value):
        return value
    if "://" in value:  # not repeated: a secret may stand in it
        raise ConfigError(
            "store is a URL of an unknown kind",
            expected=f"a folder, or {_REMOTE}bucket/prefix",
            where=str(file),
            remedy="endpoint and credentials come from the usual AWS variables and files",
        )
    return _absolute(value, file, "store")


def _each(value: Any, file: Path, key: str) -> Any:
    if isinstance(value, list):
        return [_absolute(entry, file, key) for entry in value]
    return _absolute(value, file, key)


def _absolute(value: Any, file: Path, key: str) -> Any:
    if not isinstance(value, str) or not value:
        return value
    if "://" in value:
        raise ConfigError(
            f"{key} = {value!r} is a URL",
            expected="a path on this machine",
            where=str(file),
            remedy="mount or copy it, and give the path",
        )
    # normpath, not resolve: globs and links stay as they were written.
    return os.path.normpath(file.parent / Path(value).expanduser())


def _model(value: str, base: Path) -> str:
    """Return a model that is a folder or a file as its absolute path, and any other name as it is."""
    if value.startswith("package:"):
        return value
    path = base / Path(value).expanduser()
    is_path = value.startswith((".", "/", "~")) or path.exists()
    return os.path.normpath(path) if is_path else value
