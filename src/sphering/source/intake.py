"""Blocks in, checked rows and a quarantine out: the streaming half of staging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from sphering.config.model import NormaliseConfig
from sphering.progress import Progress
from sphering.source.block import Block, Layout, Reader
from sphering.source.checks import CHECKED, check
from sphering.source.finding import unreadable
from sphering.source.grouped import GroupedWriter
from sphering.source.opened import FoundFile, OpenedFile, SourceFile
from sphering.source.quarantine import QuarantineWriter
from sphering.source.typed import missing_column
from sphering.store.exhausted import exhaustion

READ = "read"
ROWS = pa.schema([*CHECKED, pa.field("file", pa.int32())])


@dataclass
class Intake:
    """Takes blocks, and knows what it took.

    Parameters
    ----------
    rows : GroupedWriter
        Of the schema `ROWS`.
    quarantine : QuarantineWriter
    layout, normalise, progress
        What rows look like, what is done to texts, who hears of it.
    """

    rows: GroupedWriter
    quarantine: QuarantineWriter
    layout: Layout
    normalise: NormaliseConfig
    progress: Progress
    read: int = 0
    files: list[SourceFile] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def take_files(self, reader: Reader, files: Sequence[FoundFile], scratch: Path) -> None:
        """Read files in their order; their numbers in `rows` are those of the sequence.

        Raises
        ------
        SourceError
            If a file cannot be read, naming it.
        """
        for number, file in enumerate(files):
            with closing(_open(file, scratch)) as opened:
                for block in _naming(file.shown, reader.blocks(opened, self.layout)):
                    self._take(block, file.shown, number)
                self.files.append(opened.finish())

    def take_query(self, blocks: Iterator[Block]) -> None:
        """Take the blocks of a query."""
        for block in blocks:
            self._take(block, None, 0)

    def require_names(self, where: str) -> None:
        """Raise SourceError if there were rows with columns, but a wanted column in none of them."""
        for name in self.layout.wanted if self._names else ():
            if name not in self._names:
                raise missing_column(name, sorted(self._names), self.layout, where)

    def _take(self, block: Block, shown: str | None, number: int) -> None:
        checked = check(block, self.layout, self.normalise)
        count = len(block.rows) + len(block.rejected)
        self._names |= block.names
        self.read += count
        self.quarantine.add(shown, checked.rejected)
        self.rows.add(checked.rows.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), len(checked.rows))))
        self.progress.advance(READ, count)


def _open(file: FoundFile, scratch: Path) -> OpenedFile:
    try:
        return OpenedFile(file, scratch)
    except OSError as error:
        raise unreadable(file.shown, error) from error


def _naming(shown: str, blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield a reader's blocks; its errors (not those of who takes the blocks) become SourceErrors with the file."""
    try:
        yield from blocks
    except (OSError, pa.ArrowException) as error:
        if exhaustion(error) is not None:  # it is the scratch folder that is full, not the file that is bad
            raise
        raise unreadable(shown, error) from error
