"""Format `jsonl`: one JSON object a line; blank lines are no rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.source.block import BLOCK_ROWS, Block, Layout, Reader, Rejected, nothing
from sphering.source.opened import OpenedFile
from sphering.source.reasons import TOO_LONG
from sphering.source.records import only, parse, to_block
from sphering.source.splitting import pieces, split


class JsonLinesReader:
    """Every line that is not blank is a row."""

    format = "jsonl"
    suffixes: tuple[str, ...] = (".jsonl", ".ndjson")
    has_columns = True

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's objects."""
        for piece in pieces(file.stream(), layout.row_bytes):
            if piece.over:
                detail = f"the line has over {layout.row_bytes} bytes, more than a text of max_bytes can take"
                yield nothing((Rejected(piece.first, TOO_LONG, detail, piece.data),))
                continue
            lines, numbers = split(piece)
            present = pc.invert(pc.match_substring_regex(lines, r"^[ \t\r]*$"))
            lines, numbers = lines.filter(present), numbers[present.to_numpy(zero_copy_only=False)]
            for start in range(0, len(lines), BLOCK_ROWS):
                chosen = slice(start, start + BLOCK_ROWS)
                yield _block(lines[chosen], numbers[chosen], layout)


def _block(lines: pa.Array, numbers: NDArray[np.int64], layout: Layout) -> Block:
    return to_block(only(parse(lines, numbers), dict, "an object"), layout)


READER: Reader = JsonLinesReader()
