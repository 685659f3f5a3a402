"""Format `lines`: one document a line; ids are ``<path>:<line>``."""

from __future__ import annotations

from collections.abc import Iterator

from sphering.source.block import BLOCK_ROWS, Block, Layout, Reader, Rejected, nothing, place_ids
from sphering.source.opened import OpenedFile
from sphering.source.reasons import TOO_LONG
from sphering.source.splitting import pieces, split


class LinesReader:
    """Every line is a row; an empty line is a row with an empty text."""

    format = "lines"
    suffixes: tuple[str, ...] = (".lines", ".txt")
    has_columns = False

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's lines."""
        for piece in pieces(file.stream(), layout.max_bytes + len(b"\r\n")):
            if piece.over:
                detail = f"the line has over max_bytes = {layout.max_bytes} bytes"
                doc_id = f"{file.name}:{piece.first}"
                yield nothing((Rejected(piece.first, TOO_LONG, detail, piece.data, doc_id),))
                continue
            lines, numbers = split(piece)
            for start in range(0, len(lines), BLOCK_ROWS):
                rows = numbers[start : start + BLOCK_ROWS]
                yield Block(rows=rows, text=lines[start : start + BLOCK_ROWS], id=place_ids(file.name, rows))


READER: Reader = LinesReader()
