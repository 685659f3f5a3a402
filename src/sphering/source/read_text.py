"""Format `text`: folders of .txt and .md files, one document a file; ids are their paths."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from sphering.source.block import Block, Layout, Reader, Rejected, nothing
from sphering.source.opened import OpenedFile
from sphering.source.reasons import TOO_LONG
from sphering.source.splitting import BOM, EXCERPT_BYTES


class TextReader:
    """A whole file is one text."""

    format = "text"
    suffixes = (".txt", ".md")
    has_columns = False

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's text."""
        data = bytes(file.stream().read(layout.max_bytes + len(BOM) + 1)).removeprefix(BOM)
        if len(data) > layout.max_bytes:
            detail = f"the file has over max_bytes = {layout.max_bytes} bytes"
            yield nothing((Rejected(1, TOO_LONG, detail, data[:EXCERPT_BYTES], file.name),))
            return
        rows = np.ones(1, np.int64)
        yield Block(rows=rows, text=pa.array([data], pa.binary()), id=pa.array([file.name], pa.string()))


READER: Reader = TextReader()
