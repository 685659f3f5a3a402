"""Format `text`: folders of .txt and .md files, one document a file; ids are their paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from sphering.source.block import Block, Layout, Reader, Rejected, nothing
from sphering.source.opened import OpenedFile
from sphering.source.reasons import TOO_LONG
from sphering.source.splitting import BOM, EXCERPT_BYTES


class TextReader:
    """A whole file is one text."""

    format = "text"
    suffixes: tuple[str, ...] = (".txt", ".md")
    has_columns = False

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's text."""
        data = _read(file.stream(), layout.max_bytes + len(BOM) + 1).removeprefix(BOM)
        if len(data) > layout.max_bytes:
            detail = f"the file has over max_bytes = {layout.max_bytes} bytes"
            yield nothing((Rejected(1, TOO_LONG, detail, data[:EXCERPT_BYTES], file.name),))
            return
        rows = np.ones(1, np.int64)
        yield Block(rows=rows, text=pa.array([data], pa.binary()), id=pa.array([file.name], pa.string()))


def _read(stream: Any, count: int) -> bytes:
    """Read `count` bytes, or fewer at the end: a decompressor may return less than it is asked for."""
    parts = []
    while count > 0 and (part := bytes(stream.read(count))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


READER: Reader = TextReader()
