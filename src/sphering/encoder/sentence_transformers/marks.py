"""Tokens that stand for letters whose marks the tokenizer drops: the vocabulary cannot say them.

BERT's uncased tokenizers strip diacritics before they look anything up, so `cà phê` and `ca phe` become the same
tokens, none of which is `[UNK]`: for a language that tells words apart by marks the model is blind, without a sign.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MARK = "Mn"


class DroppedMarks:
    """Counts tokens whose source text has a letter that loses its marks.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        Neither truncating nor padding.
    unknown_id : int or None
        The token of what the vocabulary lacks, which is counted elsewhere.
    """

    def __init__(self, tokenizer: Any, unknown_id: int | None) -> None:
        self._tokenizer = tokenizer
        self._unknown_id = unknown_id
        self._loses = cache(self._loses_marks)

    def count(self, texts: list[str]) -> NDArray[np.int32]:
        """Return, for each text, how many of its tokens stand for a letter whose marks are dropped."""
        counts = np.zeros(len(texts), dtype=np.int32)
        if self._tokenizer.normalizer is None:
            return counts
        rows = [row for row, text in enumerate(texts) if not text.isascii()]
        losing = {letter for row in rows for letter in set(texts[row]) if self._loses(letter)}
        rows = [row for row in rows if not losing.isdisjoint(texts[row])]
        codes = np.array(sorted(map(ord, losing)), dtype=np.uint32)
        for row, encoding in zip(rows, self._tokenizer.encode_batch([texts[row] for row in rows]), strict=True):
            over = _tokens_over(texts[row], codes, encoding.offsets)
            counts[row] = np.count_nonzero(over & (np.asarray(encoding.ids) != self._unknown_id))
        return counts

    def _loses_marks(self, letter: str) -> bool:
        if not _has_mark(letter):
            return False
        return not _has_mark(self._tokenizer.normalizer.normalize_str(letter))


def _has_mark(text: str) -> bool:
    return any(unicodedata.category(letter) == _MARK for letter in unicodedata.normalize("NFD", text))


def _tokens_over(text: str, codes: NDArray[np.uint32], offsets: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which tokens stand for one of some letters; a mark apart (NFD) belongs to the token before it."""
    letters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    before = np.concatenate([[0], np.cumsum(np.isin(letters, codes))])
    marks = np.array([code for code in codes if unicodedata.category(chr(code)) == _MARK], dtype=np.uint32)
    positions = np.arange(len(letters) + 1)
    apart = np.append(np.isin(letters, marks), False)
    behind_marks = np.minimum.accumulate(np.where(apart, len(letters), positions)[::-1])[::-1]
    starts, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
    ends = np.where(ends > starts, behind_marks[ends], ends)
    found: NDArray[np.bool_] = before[ends] > before[starts]
    return found
