"""Batches in which a vector does not depend on its neighbours.

Matrix kernels choose their path by the shape that they are given, so the shape that a text meets must follow from
the text alone, or be one for which the path does not matter:

- A text is padded to the next of a few lengths, in steps that grow from 1 to 16 tokens (at most to the longest input),
  never to its longest neighbour.
- A batch has one padded length, and texts that fill it stand apart from those that do not, because attention takes
  another kernel where no position is masked.
- The number of token rows (texts x padded length) is a multiple of 16, filled up with copies of a text. Measured with
  MKL on AVX2: a row of a matrix product has other bits where the rows number less than 4, or leave a remainder of 1
  after tiles of 4 are dealt to threads; over multiples of 16 the bits agree. Where a dense layer follows the pooling,
  the number of texts is such a multiple too.
- On an accelerator, whose library chooses among more kernels, every batch of one padded length has the same height.

The third rule makes short steps as sound as steps of 16, and they cost less: on texts of 15 tokens, in units of 4,096,
steps of 16 encode 36 % more tokens than there are, copies included, steps of 8 23 % more, of 4 12 % more, these 5 %
more. A step of 1 for every length would need so many copies that it costs more again: 16 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

ROW_MULTIPLE = 16


@dataclass(frozen=True)
class Shapes:
    """Which shapes batches may have.

    Attributes
    ----------
    steps : tuple of (int, int)
        Up to so many tokens, the step to which a text is padded.
    last_step : int
        The step beyond.
    budget : int
        Most padded tokens a batch.
    fixed : bool, default False
        Whether every batch of one padded length is filled up to the same height.
    texts : int, default 1
        What the number of texts of a batch is a multiple of.
    """

    steps: tuple[tuple[int, int], ...]
    last_step: int
    budget: int
    fixed: bool = False
    texts: int = 1

    def padded(self, lengths: NDArray[np.int64], max_length: int | None) -> NDArray[np.int64]:
        """Return what each length is padded to: the end of its step, at least 2 and at most `max_length`."""
        bounds = [bound for bound, _ in self.steps]
        step = np.array([*(step for _, step in self.steps), self.last_step])[np.searchsorted(bounds, lengths)]
        padded: NDArray[np.int64] = -(-np.maximum(lengths, 2) // step) * step
        return padded if max_length is None else np.minimum(padded, max_length)

    def height_step(self, padded: int) -> int:
        """Return the number of texts whose multiples keep the bits: they make the token rows a multiple of 16."""
        return lcm(ROW_MULTIPLE // gcd(padded, ROW_MULTIPLE), self.texts)

    def most(self, padded: int) -> int:
        """Return the most texts of a batch."""
        step = self.height_step(padded)
        return max(self.budget // padded // step, 1) * step


ON_A_CORE = Shapes(((16, 1), (32, 4), (128, 8)), 16, 2048)
"""2,048 padded tokens fill a core and are small enough for its caches (measured: 1,024 to 2,048)."""
ON_AN_ACCELERATOR = Shapes((), 16, 16_384, fixed=True)
"""A unit of 4,096 texts of 15 tokens has 61,000: larger batches would be filled up with more than they hold."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of some texts, end to end.

    Attributes
    ----------
    ids : (sum of lengths,) int32
        Token ids that are encoded, after truncation.
    lengths : (n,) int64
        How many of them belong to each text.
    counts : (n,) int32
        Tokens before truncation.
    unknown : (n,) int32 or None
        Unknown tokens before truncation.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int32]
    unknown: NDArray[np.int32] | None


@dataclass(frozen=True)
class Batch:
    """Texts that are encoded together.

    Attributes
    ----------
    rows : (n,) int64
        Positions of the texts.
    padded : int
        Tokens that each is padded to.
    height : int
        Rows of the input, n or a few more: the rest repeat the first text.
    """

    rows: NDArray[np.int64]
    padded: int
    height: int


def plan(lengths: NDArray[np.int64], max_length: int | None, shapes: Shapes = ON_A_CORE) -> list[Batch]:
    """Return the batches of some texts: each of one padded length, within a budget of padded tokens.

    Longest first, so that the most memory is asked for at once, and not after an hour.
    """
    padded = shapes.padded(lengths, max_length)
    shape = 2 * padded + (lengths >= padded)
    order = np.argsort(-shape, kind="stable")
    _, starts = np.unique(-shape[order], return_index=True)
    batches: list[Batch] = []
    for group in np.split(order, starts[1:]):
        if group.size:
            batches.extend(_cut(group, int(padded[group[0]]), shapes))
    return batches


def _cut(group: NDArray[np.int64], padded: int, shapes: Shapes) -> list[Batch]:
    size, step = shapes.most(padded), shapes.height_step(padded)
    pieces = [group[start : start + size] for start in range(0, len(group), size)]
    return [Batch(rows, padded, size if shapes.fixed else -(-len(rows) // step) * step) for rows in pieces]


def fill(
    tokens: Tokens, starts: NDArray[np.int64], batch: Batch, pad_id: int, *, left: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the token ids and the attention mask of a batch, both (height, padded) int64.

    Parameters
    ----------
    tokens : Tokens
    starts : (n,) int64
        Where each text's tokens begin in `tokens.ids`.
    batch : Batch
    pad_id : int
        The padding token.
    left : bool
        Whether padding stands in front, as decoders with last-token pooling have it.
    """
    rows = np.concatenate([batch.rows, np.repeat(batch.rows[:1], batch.height - len(batch.rows))])
    lengths = tokens.lengths[rows][:, None]
    column = np.arange(batch.padded, dtype=np.int64)[None, :]
    if left:
        column = column - (batch.padded - lengths)
    real = (column >= 0) & (column < lengths)
    if not tokens.ids.size:
        return np.full(real.shape, pad_id, dtype=np.int64), real.astype(np.int64)
    position = np.where(real, starts[rows][:, None] + column, 0)
    return np.where(real, tokens.ids[position], pad_id).astype(np.int64), real.astype(np.int64)
