"""What a server answered: vectors in the order of the texts, or an error; never a wrong vector."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sphering.errors import ModelError

_NUMBERS = {int, float, type(None)}
"""What JSON has of numbers, and null, which stands for one that is none."""


@dataclass(frozen=True)
class Answer:
    """The vectors of one request, (n, d) float32 in the order of its texts, and its tokens as the server counted."""

    vectors: NDArray[np.float32]
    tokens: int | None


def read_answer(body: Any, count: int, dimension: int | None, where: str) -> Answer:
    """Return the answer to a request of `count` texts.

    A number that is none (NaN, or null as servers write it) becomes NaN: what a model cannot do with a text is for the
    caller to judge.

    Parameters
    ----------
    body : any
        The JSON value that came.
    count : int
    dimension : int or None
        Of each vector; None where it is not known yet.
    where : str
        The server's address.

    Raises
    ------
    ModelError
        If it is not one vector of that dimension for each text, each with its own index.
    """
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        _refuse("an answer without a list of embeddings (`data`)", where)
    if len(entries) != count:
        _refuse(f"{len(entries)} embeddings for {count} texts", where)
    indices = [entry.get("index") for entry in entries]
    if any(type(index) is not int for index in indices) or sorted(indices) != list(range(count)):
        _refuse(f"embeddings whose indices are not 0 to {count - 1}, each once: {str(indices)[:80]}", where)
    rows = [_vector(entry.get("embedding"), index, where) for entry, index in zip(entries, indices, strict=True)]
    wanted = dimension or len(rows[0])
    wrong = next((row for row in rows if len(row) != wanted), None)
    if wrong is not None:
        _refuse(f"a vector of {len(wrong)} dimensions", where, f"{wanted}, as configured or as in its other answers")
    vectors = np.empty((count, wanted), dtype=np.float32)
    vectors[indices] = rows
    return Answer(vectors, _tokens(body.get("usage")))


def _vector(embedding: Any, index: int, where: str) -> NDArray[np.float32]:
    row: NDArray[np.float32] | None = None
    try:
        if isinstance(embedding, str):
            row = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
        elif isinstance(embedding, list) and set(map(type, embedding)) <= _NUMBERS:
            with np.errstate(over="ignore"):  # beyond float32 is infinite, which the caller judges
                row = np.array(embedding, dtype=np.float64).astype(np.float32)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        row = None
    if row is None or row.ndim != 1 or not row.size:
        _refuse(f"an embedding that is no vector, at index {index}", where)
    return row


def _tokens(usage: Any) -> int | None:
    """Return the tokens of a request; None where the server does not say."""
    if not isinstance(usage, dict):
        return None
    found = (usage.get(name) for name in ("total_tokens", "prompt_tokens"))
    return next((count for count in found if type(count) is int and count >= 0), None)


def _refuse(
    found: str, where: str, expected: str = "one vector for each text, each with the index of its text"
) -> NoReturn:
    raise ModelError(
        f"the server answered with {found}",
        expected=expected,
        where=where,
        remedy="nothing of it was kept: check `model`, `truncate_dim` and the server's version, and ask it by hand",
    )
