"""Format `json`: one array of objects, or of strings; the ids of strings are ``<path>:<element>``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sphering.source.array_splitting import elements
from sphering.source.block import BLOCK_ROWS, Block, Layout, Reader, Rejected, nothing, place_ids
from sphering.source.opened import OpenedFile
from sphering.source.reasons import TOO_LONG
from sphering.source.records import Parsed, only, parse, to_block


class JsonReader:
    """Every element of the array is a row."""

    format = "json"
    suffixes: tuple[str, ...] = (".json",)
    has_columns = True

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the array's objects and strings."""
        for found in elements(file.stream(), layout.row_bytes, file.shown):
            if found.over:
                detail = f"the element has over {layout.row_bytes} bytes, more than a text of max_bytes can take"
                yield nothing((Rejected(found.first, TOO_LONG, detail, found.values[0].as_py().strip()),))
                continue
            numbers = np.arange(found.first, found.first + len(found.values), dtype=np.int64)
            for start in range(0, len(numbers), BLOCK_ROWS):
                chosen = slice(start, start + BLOCK_ROWS)
                yield from _blocks(parse(found.values[chosen], numbers[chosen]), file.name, layout)


def _blocks(parsed: Parsed, name: str, layout: Layout) -> Iterator[Block]:
    is_text = np.array([type(value) is str for value in parsed.values], bool)
    if is_text.any():
        texts = [value for value in parsed.values if type(value) is str]
        yield _texts(Parsed(texts, parsed.rows[is_text]), name, layout)
        others = [value for value in parsed.values if type(value) is not str]
        parsed = Parsed(others, parsed.rows[~is_text], parsed.rejected)
    yield to_block(only(parsed, dict, "an object or a string"), layout)


def _texts(parsed: Parsed, name: str, layout: Layout) -> Block:
    """Return bare strings as records of a text and, unless another column is asked for, a place as the id."""
    ids = place_ids(name, parsed.rows)
    text = Layout(id="id", text="text", max_bytes=layout.max_bytes)
    records = [
        {"id": identifier, "text": value} for identifier, value in zip(ids.to_pylist(), parsed.values, strict=True)
    ]
    block = to_block(Parsed(records, parsed.rows), text)
    if layout.id_given and layout.id is not None:
        return Block(
            rows=block.rows,
            text=block.text,
            id=pa.nulls(len(block.rows), pa.string()),
            rejected=block.rejected,
        )
    return block


READER: Reader = JsonReader()
