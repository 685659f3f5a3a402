"""Format `parquet`: only the wanted columns are read, in batches sized by what a row of the file weighs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow.parquet as pq

from sphering.source.block import BLOCK_BYTES, BLOCK_ROWS, Block, Layout, Reader
from sphering.source.opened import OpenedFile
from sphering.source.typed import require_columns, typed_block

_SMALLEST_BATCH = 64


class ParquetReader:
    """Every row of the table is a row; strings are taken as bytes, since files may hold invalid ones."""

    format = "parquet"
    suffixes: tuple[str, ...] = (".parquet", ".pq")
    has_columns = True

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the table's rows."""
        import pyarrow.parquet as pq

        with file.seekable() as source, pq.ParquetFile(source, pre_buffer=False, buffer_size=BLOCK_BYTES) as table:
            require_columns(table.schema_arrow.names, layout, file.shown)
            first = 1
            batches = table.iter_batches(_batch_rows(table.metadata), columns=list(layout.wanted), use_threads=False)
            for batch in batches:
                rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield typed_block(columns, rows, layout, file.shown)
                first += batch.num_rows


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """Return how many rows weigh about four blocks in the heaviest row group."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    weights = [group.total_byte_size / group.num_rows for group in groups if group.num_rows]
    return int(np.clip(4 * BLOCK_BYTES / max(weights, default=1.0), _SMALLEST_BATCH, BLOCK_ROWS))


READER: Reader = ParquetReader()
