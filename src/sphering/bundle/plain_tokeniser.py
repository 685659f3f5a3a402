"""[normalise] as the first step of a model's own tokenizer, where a text is normalised before it is encoded.

The tokenizer gets prompt and text in one, so the prompts must be such that this is the same as normalising the text
alone: the white space behind a prompt is cut there, and a prompt must not combine with what follows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from sphering.bundle.json_file import settings_in, write_json
from sphering.bundle.model_settings import STATIC
from sphering.bundle.query import Bundle
from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import NormaliseConfig
from sphering.encoder.modelfiles import TOKENISER, module_graph
from sphering.errors import InputError
from sphering.extras import require
from sphering.text.normalise import changes, normalise

_SETTINGS = "tokenizer_config.json"
# What Arrow trims; the tokenizers' own step of that name leaves U+001C to U+001F.
_WHITE = r"[\x{9}-\x{d}\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
_JOINED = "<=>"
"""What marks combine with beside letters."""
_SPECIAL = ("unk_token", "bos_token", "eos_token", "sep_token", "pad_token", "cls_token", "mask_token")


def change_tokeniser(folder: Path, bundle: Bundle, config: SentenceTransformersConfig) -> dict[str, str]:
    """Put [normalise] in front of the tokenizer of a model's copy; return the files that changed, with what changed.

    Characters that are newer than the tokenizers library's tables of Unicode stay as they are.

    Raises
    ------
    InputError
        If the tokenizer cannot do what was done to the corpus' texts, because of a prompt.
    """
    if not changes(bundle.normalise):
        return {}
    prompts = (config.query_prompt, config.document_prompt)
    for prompt in prompts:
        _check(prompt, bundle.normalise)
    first = module_graph(folder)[0]
    place = f"{first.path}/" if first.path else ""
    content = json.loads(_serialised(bundle, folder / place / TOKENISER))
    steps = [*_unicode(bundle.normalise), *_strip(bundle.normalise, prompts)]
    content["normalizer"] = {"type": "Sequence", "normalizers": [*steps, *_own(content.get("normalizer"))]}
    changed = {place + TOKENISER: f"{_words(bundle.normalise)} in front of its own normalisation"}
    if first.kind != STATIC:
        write_json(folder / place / _SETTINGS, _plain_settings(folder / place, remote_code=config.trust_remote_code))
        changed[place + _SETTINGS] = "the class that takes tokenizer.json as it is"
    write_json(folder / place / TOKENISER, content)
    return changed


def _check(prompt: str, config: NormaliseConfig) -> None:
    """Refuse a prompt that is not the same in front of a text as when both are normalised in one."""
    itself = normalise(pa.array([prompt], pa.string()), config.model_copy(update={"strip": False}))[0].as_py()
    inert = not prompt or (prompt[-1].isascii() and not prompt[-1].isalpha() and prompt[-1] not in _JOINED)
    if itself == prompt and inert and not (config.strip and prompt[:1].isspace()):
        return
    raise InputError(
        f"the prompt {prompt!r} and [normalise] do not go together in one tokenizer",
        expected=f"a prompt that {_words(config)} leaves alone, ending in white space or in punctuation but <, =, >",
        where="[encoder] query_prompt and document_prompt",
        remedy="end the prompt with a space, which makes it another; or encode queries through sphering, and take "
        "transform.npz with apply.py",
    )


def _serialised(bundle: Bundle, file: Path) -> str:
    """Return the tokenizer that the pipeline uses: what the library makes of the model's files, or a table's file."""
    pipeline: Any = getattr(bundle.encoder, "pipeline", None)
    traits = getattr(pipeline, "traits", None)
    return file.read_text(encoding="utf-8") if traits is None else str(traits.tokenizer)


def _unicode(config: NormaliseConfig) -> list[dict[str, Any]]:
    return [] if config.unicode == "none" else [{"type": config.unicode}]


def _strip(config: NormaliseConfig, prompts: Iterable[str]) -> list[dict[str, Any]]:
    """Return the step that cuts white space at the end, and at the beginning behind a prompt."""
    if not config.strip:
        return []
    starts = [rf"(?<=\A{re.escape(prompt)}){_WHITE}" if prompt else rf"\A{_WHITE}" for prompt in dict.fromkeys(prompts)]
    pattern = "|".join([*starts, rf"{_WHITE}\z"])
    return [{"type": "Replace", "pattern": {"Regex": pattern}, "content": ""}]


def _own(normaliser: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normaliser is None:
        return []
    inner: list[dict[str, Any]] = normaliser["normalizers"] if normaliser["type"] == "Sequence" else [normaliser]
    return inner


def _words(config: NormaliseConfig) -> str:
    form = [] if config.unicode == "none" else [config.unicode]
    return " and ".join([*form, *(["no white space at both ends"] if config.strip else [])])


def _plain_settings(network: Path, *, remote_code: bool) -> dict[str, Any]:
    """Return the tokenizer's settings under the class that makes up nothing of its own.

    The class of a network builds its normalisation anew from the vocabulary, without what stands in tokenizer.json.
    """
    transformers = require("transformers", "sentence-transformers")
    loaded = transformers.AutoTokenizer.from_pretrained(
        str(network), local_files_only=True, trust_remote_code=remote_code
    )
    own = {name: value for name, value in settings_in(network / _SETTINGS).items() if name != "auto_map"}
    special = {name: str(getattr(loaded, name)) for name in _SPECIAL if getattr(loaded, name) is not None}
    return {
        **special,
        **own,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": list(loaded.model_input_names),
        "padding_side": loaded.padding_side,
        "truncation_side": loaded.truncation_side,
    }
