"""What a model's folder says of its tokens without being loaded: the tokenizer's file, and the longest input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphering.encoder.modelfiles import (
    MODULE_GRAPH,
    OFFSET_POSITIONS,
    TOKENISER,
    UNBOUNDED,
    module_graph,
    read_settings,
)
from sphering.errors import ModelError

_NETWORK_SETTINGS = "sentence_bert_config.json"


def tokeniser_file(folder: Path) -> Path | None:
    """Return the tokenizer.json of a model's folder, or of a folder that holds nothing else; None where there is none.

    Raises
    ------
    ModelError
        If the folder's modules.json cannot be read.
    """
    path = _network_folder(folder) / TOKENISER
    return path if path.is_file() else None


def unknown_id(tokenizer: Any) -> int | None:
    """Return the token of what a tokenizer's vocabulary lacks; byte-level ones lack nothing."""
    model = json.loads(tokenizer.to_str())["model"]
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    unknown = model.get("unk_token")
    found = tokenizer.token_to_id(unknown) if unknown else None
    return None if found is None else int(found)


def longest_known_input(folder: Path) -> int | None:
    """Return the longest input in tokens that a model's files name; None where they name none.

    Raises
    ------
    ModelError
        If one of the files is no JSON, or names no number.
    """
    network = _network_folder(folder)
    own, config, tokeniser = (
        _settings(network / name) for name in (_NETWORK_SETTINGS, "config.json", "tokenizer_config.json")
    )
    limits = [own.get("max_seq_length"), _positions(config)]
    if own.get("max_seq_length") is None:
        limits.append(tokeniser.get("model_max_length"))
    if any(type(limit) not in (int, float, type(None)) for limit in limits):
        raise ModelError(
            f"the longest input is no number: {limits}",
            expected="a number of tokens in max_seq_length and model_max_length",
            where=str(network),
            remedy="mend the model's files, or copy the model again",
        )
    known = [int(limit) for limit in limits if limit is not None and limit < UNBOUNDED]
    return min(known, default=None)


def _network_folder(folder: Path) -> Path:
    return folder / module_graph(folder)[0].path if (folder / MODULE_GRAPH).is_file() else folder


def _settings(path: Path) -> dict[str, Any]:
    return read_settings(path) if path.is_file() else {}


def _positions(config: dict[str, Any]) -> int | None:
    positions = config.get("max_position_embeddings")
    if positions is None or positions <= 0:
        return None
    offset = (config.get("pad_token_id") or 0) + 1 if config.get("model_type") in OFFSET_POSITIONS else 0
    return int(positions) - offset
