"""Word vectors in decimal, a line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from sphering.encoder.word_vectors.layout import UNREADABLE, Layout, opened, unreadable

BLOCK_BYTES = 8 << 20


def read_text(path: Path, layout: Layout) -> Iterator[tuple[pa.Array, NDArray[np.float32]]]:
    """Yield words, (n,) binary, and their vectors, (n, d) float32.

    A "word" with spaces inside, of which GloVe's file of 840 billion tokens has some, can be no token and is passed
    over.

    Raises
    ------
    ModelError
        If a line has not as many numbers as the first one, or something else than numbers.
    """
    numbers = [f"n{index}" for index in range(layout.dimension)]
    names = ["word", *numbers, *(["end"] if layout.trailing else [])]
    refused: list[str] = []
    passed_over = lines = 0

    def pass_over(row: Any) -> str:
        nonlocal passed_over
        if _has_spaces(row.text, layout.dimension):
            passed_over += 1
            return "skip"
        refused.append(_complaint(row.text, layout))
        return "error"

    options = {
        "read_options": csv.ReadOptions(
            column_names=names, skip_rows=0 if layout.words is None else 1, block_size=BLOCK_BYTES
        ),
        # Quotes are words like any others, and so are NA and null.
        "parse_options": csv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=pass_over),
        "convert_options": csv.ConvertOptions(
            column_types={"word": pa.binary(), "end": pa.binary(), **dict.fromkeys(numbers, pa.float32())},
            null_values=[],
            check_utf8=False,
        ),
    }
    with opened(path) as stream:
        try:
            for batch in csv.open_csv(pa.PythonFile(stream, mode="r"), **options):
                if layout.trailing and pc.max(pc.binary_length(batch.column("end"))).as_py():
                    raise unreadable(path, "a line has more numbers than others")
                lines += batch.num_rows
                yield batch.column("word"), np.stack([batch.column(name).to_numpy() for name in numbers], axis=1)
        except (pa.ArrowException, *UNREADABLE) as error:
            raise unreadable(path, refused[0] if refused else str(error)) from error
    if layout.words is not None and lines + passed_over != layout.words:
        raise unreadable(path, f"its first line announces {layout.words} words, there are {lines + passed_over}")


def _has_spaces(line: str, dimension: int) -> bool:
    """Return whether a line has more columns than others because its word has spaces inside, and not more numbers."""
    fields = line.rstrip(" ").split(" ")
    surplus, numbers = fields[1:-dimension], fields[-dimension:]
    return len(fields) > dimension + 1 and all(map(_is_number, numbers)) and not all(map(_is_number, surplus))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _complaint(line: str, layout: Layout) -> str:
    word, *numbers = line.rstrip(" ").split(" ")
    return f"the line of {word[:40]!r} has {len(numbers)} numbers, others have {layout.dimension}"
