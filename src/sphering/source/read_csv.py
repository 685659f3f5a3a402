"""Format `csv`: RFC 4180 with a header; quoted fields may hold newlines; .tsv files are split at tabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sphering.source.block import BLOCK_ROWS, Block, Layout, Reader, Rejected, nothing
from sphering.source.csv_records import ENCODING, ERRORS, Records, records
from sphering.source.opened import OpenedFile
from sphering.source.reasons import MALFORMED
from sphering.source.typed import require_columns, typed_block


class CsvReader:
    """Every record after the header is a row. An empty field is a null, but for the text, where it is empty."""

    format = "csv"
    suffixes: tuple[str, ...] = (".csv", ".tsv")
    has_columns = True

    def blocks(self, file: OpenedFile, layout: Layout) -> Iterator[Block]:
        """Yield the file's records."""
        header: list[str] | None = None
        delimiter = "\t" if file.file.suffix == ".tsv" else ","
        for found in records(file.stream(), delimiter, layout.row_bytes):
            if found.rejected:
                yield nothing(found.rejected)
            present = _without_blank_lines(found)
            if header is None and present.rows:
                header = [name.strip() for name in present.rows[0]]
                require_columns(header, layout, file.shown)
                present = Records(present.rows[1:], present.numbers[1:])
            for start in range(0, len(present.rows), BLOCK_ROWS):
                chosen = slice(start, start + BLOCK_ROWS)
                yield _block(Records(present.rows[chosen], present.numbers[chosen]), header or [], layout, file.shown)


def _without_blank_lines(found: Records) -> Records:
    if all(found.rows):
        return found
    kept = [(row, number) for row, number in zip(found.rows, found.numbers, strict=True) if row]
    return Records([row for row, _ in kept], [number for _, number in kept])


def _block(found: Records, header: Sequence[str], layout: Layout, where: str) -> Block:
    rejected: tuple[Rejected, ...] = ()
    if set(map(len, found.rows)) != {len(header)}:
        found = _of_one_width(found, len(header))
        rejected = found.rejected
    if not found.rows:
        return nothing(rejected)
    fields = list(zip(*found.rows, strict=True))
    columns = {name: _column(fields[header.index(name)], name == layout.text) for name in layout.wanted}
    block = typed_block(columns, np.array(found.numbers, np.int64), layout, where)
    return Block(
        rows=block.rows,
        text=block.text,
        id=block.id,
        metadata=block.metadata,
        order=block.order,
        deleted=block.deleted,
        names=frozenset(header),
        rejected=rejected,
    )


def _of_one_width(found: Records, width: int) -> Records:
    """Take out the records with more or fewer fields than the header."""
    rows, numbers, rejected = [], [], []
    for row, number in zip(found.rows, found.numbers, strict=True):
        if len(row) == width:
            rows.append(row)
            numbers.append(number)
            continue
        excerpt = ",".join(row).encode(ENCODING, ERRORS)
        rejected.append(Rejected(number, MALFORMED, f"the row has {len(row)} fields, the header {width}", excerpt))
    return Records(rows, numbers, tuple(rejected))


def _column(values: Sequence[str], is_text: bool) -> pa.Array:
    try:
        column = pa.array(values, pa.string())
    except UnicodeEncodeError:
        column = pa.array([value.encode(ENCODING, ERRORS) for value in values], pa.binary()).view(pa.string())
    if is_text:
        return column
    return pc.if_else(pc.equal(pc.binary_length(column), 0), pa.scalar(None, pa.string()), column)


READER: Reader = CsvReader()
