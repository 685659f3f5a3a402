"""Texts to token ids, in bulk, by the fast tokenizers library."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.sentence_transformers.batching import Tokens
from sphering.encoder.sentence_transformers.marks import DroppedMarks
from sphering.errors import ModelError

CHUNK_TEXTS = 1024
CHUNK_CHARACTERS = 1 << 20
"""An encoding takes some 150 bytes a token: a million characters at a time bounds that to tens of MB."""


class Tokeniser:
    """The model's tokenizer with its own padding off and truncation told apart from counting.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
    max_length : int or None
        Longest input in tokens, special tokens included.

    Raises
    ------
    ModelError
        If the tokenizer has no fast form.
    """

    def __init__(self, tokenizer: Any, max_length: int | None) -> None:
        from tokenizers import Tokenizer

        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(
                f"the tokenizer {type(tokenizer).__name__} has no fast form",
                expected="a tokenizer.json, or a format that converts to one",
                remedy="save the tokenizer with a current transformers, which writes tokenizer.json",
            )
        # A copy: what is set here must not reach the model's own object, nor its state us.
        serialised = tokenizer.backend_tokenizer.to_str()
        self._whole = Tokenizer.from_str(serialised)
        self._whole.no_truncation()
        self._whole.no_padding()
        self._max_length = max_length
        self._cut = Tokenizer.from_str(serialised)
        self._cut.no_padding()
        if max_length is not None:
            self._cut.enable_truncation(max_length, direction=tokenizer.truncation_side)
        self._unknown_id = _unknown_id(tokenizer)
        self._dropped = DroppedMarks(self._whole)

    def tokens(self, texts: list[str]) -> Tokens:
        """Return the tokens of every text."""
        if not texts:
            empty = np.zeros(0, dtype=np.int32)
            return Tokens(empty, np.zeros(0, dtype=np.int64), empty, empty if self._unknown_id is not None else None)
        parts = [self._chunk(chunk) for chunk in _chunks(texts)]
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
        encodings = self._whole.encode_batch_fast(texts)
        ids, counts = _flat(encodings)
        unknown = None
        if self._unknown_id is not None:
            unknown = _count(ids == self._unknown_id, counts) + self._dropped.count(texts)
        long = np.zeros(0, dtype=np.int64)
        if self._max_length is not None:
            long = np.flatnonzero(counts > self._max_length)
        if not long.size:
            return Tokens(ids, counts, counts.astype(np.int32), unknown)
        for row, encoding in zip(long, self._cut.encode_batch_fast([texts[row] for row in long]), strict=True):
            encodings[row] = encoding
        kept, lengths = _flat(encodings)
        return Tokens(kept, lengths, counts.astype(np.int32), unknown)


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    """Cut at every 1024th text and wherever another million characters has been passed."""
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


def _unknown_id(tokenizer: Any) -> int | None:
    """Return the unknown token, unless the model has none of its own (byte-level ones reuse end-of-text)."""
    unknown = tokenizer.unk_token_id
    others = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.cls_token_id}
    return None if unknown is None or unknown in others else int(unknown)
