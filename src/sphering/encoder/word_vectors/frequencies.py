"""How likely each word is: p(word), from counts or by Zipf's law."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from sphering.encoder.word_vectors.vocabulary import Vocabulary
from sphering.errors import ModelError


def zipf(words: int) -> NDArray[np.float64]:
    """Return p = 1/(rank · H_n), (n,) float64, for words in descending order of their frequency.

    Files of word vectors have that order. H_n is the n-th harmonic number (G. K. Zipf, 1949).
    """
    p = 1.0 / np.arange(1, words + 1)
    return np.asarray(p / p.sum())


def counted(path: Path, vocabulary: Vocabulary) -> NDArray[np.float64]:
    """Return each word's share of all counts of a file, (n,) float64; 0 for a word that the file lacks.

    Parameters
    ----------
    path : Path
        Lines of a word and its count, with a tab or a space between them. Counts of one word add up.
    vocabulary : Vocabulary

    Raises
    ------
    ModelError
        If a line is something else, a count is negative, or no word of the vocabulary is counted.
    """
    words, counts = _read(path)
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise _unreadable(path, "a count is negative or no number")
    rows = vocabulary.find(words)
    found = np.bincount(rows[rows >= 0], weights=counts[rows >= 0], minlength=len(vocabulary))
    if not found.any():
        raise _unreadable(path, "it counts no word that has a vector")
    return np.asarray(found / counts.sum())


def _read(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    try:
        with path.open("rb") as stream:
            tab = b"\t" in stream.readline(1 << 16)
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=["word", "count"]),
            parse_options=csv.ParseOptions(delimiter="\t" if tab else " ", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={"word": pa.string(), "count": pa.float64()}, null_values=[]
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, str(error)) from error
    return table["word"].to_pylist(), table["count"].to_numpy()


def _unreadable(path: Path, what: str) -> ModelError:
    return ModelError(
        f"the words' frequencies cannot be read: {what}",
        expected="lines of a word and its count, with a tab or a space between them",
        where=str(path),
        remedy="mend the file, or leave `frequencies` out: then Zipf's law over the order of the words serves",
    )
