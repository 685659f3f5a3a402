"""A text cut in two near its middle, at the border of a sentence."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

SENTENCES_VERSION = 1
"""The version of the rule; what moves a border raises it."""
# A mark that ends a sentence, closing quotes and brackets, and white space, which Chinese and Japanese lack.
_BORDER = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？]+[\"'”’」』）]*\s*")
_MAY_HAVE_ONE = r"[.!?…][\"'”’»)\]]*\s+\S|[。！？][\"'”’」』）]*(?:\s+\S|[^\s\"'”’」』）])"


def may_have_two(texts: pa.Array) -> pa.Array:
    """Return which texts, (n,) string, may have two sentences, (n,) bool; no text that has is left out."""
    return pc.fill_null(pc.match_substring_regex(texts, _MAY_HAVE_ONE), False)


def halves(text: str) -> tuple[str, str] | None:
    """Return a text's two halves, cut at the border of a sentence that is nearest to its middle; None without one.

    A sentence ends at one of ``. ! ? …`` before white space, unless a lower-case letter follows, as after most
    abbreviations, and at ``。 ！ ？``. Each half has a letter or a digit, and no white space around it.
    """
    ends = [found.end() for found in _BORDER.finditer(text)]
    for end in sorted(ends, key=lambda end: abs(2 * end - len(text))):
        first, second = text[:end].strip(), text[end:].strip()
        if not second[:1].islower() and _says_something(first) and _says_something(second):
            return first, second
    return None


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))
