"""Texts to token ids, in bulk, by the fast tokenizers library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.cores import available_cores
from sphering.encoder.sentence_transformers.batching import Tokens
from sphering.encoder.sentence_transformers.marks import DroppedMarks
from sphering.errors import ModelError

CHUNK_TEXTS = 128
"""A unit of 4,096 texts keeps 32 cores busy; smaller chunks took longer on two."""
CHUNK_CHARACTERS = 1 << 20
"""An encoding takes some 150 bytes a token: a million characters at a time bounds that to tens of MB a core."""
# Not the library's own threads, beside ours: it warns after a fork where they have been used, and what they allocate
# is freed in another thread. It looks at every call.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class Tokeniser:
    """A tokenizer with its own padding off and truncation told apart from counting.

    Parameters
    ----------
    serialised : str
        The JSON of the tokenizers library.
    max_length : int or None
        Longest input in tokens, special tokens included.
    cut : {"left", "right"}
        Where a longer text is cut off.
    unknown_id : int or None
        The token of what the vocabulary lacks; None where that cannot be said.
    vocabulary : int or None
        How many tokens the model has a vector of, where it says so.
    special : bool, default True
        Whether special tokens are put around a text.
    """

    def __init__(
        self,
        serialised: str,
        *,
        max_length: int | None,
        cut: str,
        unknown_id: int | None,
        vocabulary: int | None,
        special: bool = True,
    ) -> None:
        from tokenizers import Tokenizer

        self._whole = Tokenizer.from_str(serialised)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._max_length = max_length
        self._cut = Tokenizer.from_str(serialised)
        self._cut.no_padding()
        if max_length is not None:
            self._cut.enable_truncation(max_length, direction=cut)
        self._unknown_id = unknown_id
        self._vocabulary = vocabulary
        self._special = special
        self._dropped = DroppedMarks(self._whole, unknown_id)
        self._pool = ThreadPoolExecutor(available_cores(), "tokens")

    def tokens(self, texts: list[str]) -> Tokens:
        """Return the tokens of every text.

        Raises
        ------
        ModelError
            If one of them has no vector in the model.
        """
        if not texts:
            empty = np.zeros(0, dtype=np.int32)
            return Tokens(empty, np.zeros(0, dtype=np.int64), empty, empty if self._unknown_id is not None else None)
        parts = list(self._pool.map(self._chunk, _chunks(texts)))
        unknown = None
        if self._unknown_id is not None:
            unknown = np.concatenate([part.unknown for part in parts if part.unknown is not None])
        return Tokens(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.counts for part in parts]),
            unknown,
        )

    def _chunk(self, texts: list[str]) -> Tokens:
        encodings = self._whole.encode_batch_fast(texts, add_special_tokens=self._special)
        ids, counts = _flat(encodings)
        self._check_known(ids)
        unknown = None
        if self._unknown_id is not None:
            unknown = _count(ids == self._unknown_id, counts) + self._dropped.count(texts)
        long = np.zeros(0, dtype=np.int64)
        if self._max_length is not None:
            long = np.flatnonzero(counts > self._max_length)
        if not long.size:
            return Tokens(ids, counts, counts.astype(np.int32), unknown)
        cut = self._cut.encode_batch_fast([texts[row] for row in long], add_special_tokens=self._special)
        for row, encoding in zip(long, cut, strict=True):
            encodings[row] = encoding
        kept, lengths = _flat(encodings)
        return Tokens(kept, lengths, counts.astype(np.int32), unknown)

    def _check_known(self, ids: NDArray[np.int32]) -> None:
        highest = int(ids.max(initial=0))
        if self._vocabulary is not None and highest >= self._vocabulary:
            raise ModelError(
                f"the tokenizer gives the token {highest} ({self._whole.id_to_token(highest)!r}), and the model has "
                f"vectors of {self._vocabulary}",
                expected="a tokenizer and weights that belong together",
                remedy="take the model's own tokenizer, or enlarge its table of embeddings",
            )


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    """Cut at every 128th text and wherever another million characters has been passed."""
    characters = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
    mark = characters // CHUNK_CHARACTERS
    cuts = np.flatnonzero(np.diff(mark)) + 1
    edges = np.union1d(np.concatenate([cuts, [len(texts)]]), np.arange(0, len(texts), CHUNK_TEXTS))
    for start, stop in pairwise(edges):
        yield texts[start:stop]


def _flat(encodings: list[Any]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    lengths = np.fromiter(map(len, encodings), dtype=np.int64, count=len(encodings))
    ids = chain.from_iterable(encoding.ids for encoding in encodings)
    return np.fromiter(ids, dtype=np.int32, count=int(lengths.sum())), lengths


def _count(hits: NDArray[np.bool_], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the number of hits in each run of `lengths`; a run may be empty, which reduceat cannot say."""
    total = np.concatenate([[0], np.cumsum(hits)])
    ends = np.cumsum(lengths)
    counts: NDArray[np.int64] = total[ends] - total[ends - lengths]
    return counts.astype(np.int32)
