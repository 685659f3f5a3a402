"""Texts to words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}]+"
"""Whatever is no letter, mark or digit of Unicode."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, one after another.

    Attributes
    ----------
    distinct : list of str
    which : (t,) int64
        Each token's place in `distinct`.
    text : (t,) int64
        The text that it stands in, ascending.
    """

    distinct: list[str]
    which: NDArray[np.int64]
    text: NDArray[np.int64]


def tokenise(texts: list[str], how: str, *, lowercase: bool) -> Tokens:
    """Return the tokens of texts.

    Parameters
    ----------
    texts : list of str
    how : {"whitespace", "words"}
        What stands between white space of Unicode, or runs of letters, marks and digits.
    lowercase : bool
        Every token in lower case, letter by letter.
    """
    column: Any = pa.array(texts, pa.string())
    if lowercase:
        column = pc.utf8_lower(column)
    parts = pc.utf8_split_whitespace(column) if how == "whitespace" else pc.split_pattern_regex(column, BETWEEN_WORDS)
    tokens, text = pc.list_flatten(parts), pc.list_parent_indices(parts)
    there = pc.greater(pc.binary_length(tokens), 0)  # a text that begins or ends between words has an empty part there
    encoded = tokens.filter(there).dictionary_encode()
    return Tokens(
        encoded.dictionary.to_pylist(),
        encoded.indices.to_numpy().astype(np.int64),
        text.filter(there).to_numpy().astype(np.int64),
    )
