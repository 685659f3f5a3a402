"""Tokens of a hosted model's texts, counted and cut here by its tokenizer.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.openai.batches import cut
from sphering.encoder.tokeniser_file import unknown_id
from sphering.errors import ModelError
from sphering.extras import require

_CHUNK_TEXTS = 1024
_CHUNK_CHARACTERS = 1 << 20
"""An encoding takes some 150 bytes a token: a million characters at a time bounds that to tens of MB."""


@dataclass(frozen=True)
class Counted:
    """Texts as they are sent, and their tokens.

    Attributes
    ----------
    texts : list of str
        Cut where they were too long.
    n_tokens : (n,) int32
        Special tokens included, before the cut.
    n_unknown : (n,) int32 or None
        Of them, tokens that the vocabulary lacks; None where the tokenizer has no such token.
    truncated : (n,) bool
    """

    texts: list[str]
    n_tokens: NDArray[np.int32]
    n_unknown: NDArray[np.int32] | None
    truncated: NDArray[np.bool_]


class TextTokens:
    """A tokenizer that counts and cuts.

    Parameters
    ----------
    file : Path
        A tokenizer.json.
    max_length : int or None
        Longest input in tokens, special tokens included.

    Raises
    ------
    ModelError
        If the file is no tokenizer, or no token of a text fits into `max_length`.
    """

    def __init__(self, file: Path, max_length: int | None) -> None:
        try:
            self._tokenizer: Any = require("tokenizers", "sentence-transformers").Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare exceptions
            if isinstance(error, ModelError | ImportError):
                raise
            raise ModelError(
                f"the tokenizer cannot be read: {error}",
                expected="a tokenizer.json",
                where=str(file),
                remedy="copy the file again, whole",
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._max_length = max_length
        self._special = int(self._tokenizer.num_special_tokens_to_add(False))
        self._unknown = unknown_id(self._tokenizer)
        if max_length is not None and max_length <= self._special:
            raise ModelError(
                f"max_length is {max_length} tokens, of which the tokenizer adds {self._special} itself",
                expected=f"more than {self._special}",
                where="[encoder] max_length",
                remedy="raise max_length",
            )

    def count(self, texts: list[str]) -> Counted:
        """Return the texts, each cut to `max_length` tokens, with their tokens before the cut."""
        n_tokens = np.zeros(len(texts), dtype=np.int32)
        n_unknown = None if self._unknown is None else np.zeros(len(texts), dtype=np.int32)
        characters = np.fromiter(map(len, texts), np.int64, len(texts))
        for rows in cut(characters, _CHUNK_TEXTS, _CHUNK_CHARACTERS):
            encodings = self._tokenizer.encode_batch_fast([texts[row] for row in rows])
            n_tokens[rows] = [len(encoding) for encoding in encodings]
            if n_unknown is not None:
                n_unknown[rows] = [encoding.ids.count(self._unknown) for encoding in encodings]
        truncated = np.zeros(len(texts), dtype=np.bool_) if self._max_length is None else n_tokens > self._max_length
        sent = list(texts)
        for row in np.flatnonzero(truncated):
            sent[row] = self._cut(texts[row])
        return Counted(sent, n_tokens, n_unknown, truncated)

    def _cut(self, text: str) -> str:
        """Return the longest beginning of whole tokens that is no longer than `max_length`.

        The end of a token inside the text is not where a tokenizer would end the beginning alone: a letter of several
        tokens comes back whole, so fewer tokens are tried until it fits. The first letter is left in any case.
        """
        encoding = self._tokenizer.encode(text)
        ends = [
            end for (_, end), special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True) if not special
        ]
        limit = self._max_length or len(ends)
        for keep in range(limit - self._special, 0, -1):
            beginning = text[: ends[keep - 1]]
            if len(self._tokenizer.encode(beginning)) <= limit:
                return beginning
        return text[: ends[0]]
