"""Blocks in, checked rows and a quarantine out: the streaming half of staging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from sphering.config.model import NormaliseConfig
from sphering.progress import Progress
from sphering.source.block import Block, Layout, Reader
from sphering.source.checks import check
from sphering.source.finding import unreadable
from sphering.source.key_sort import KeySort
from sphering.source.metadata import known_hashes
from sphering.source.opened import FoundFile, OpenedFile, SourceFile
from sphering.source.purged import PurgedIds
from sphering.source.quarantine import QuarantineWriter
from sphering.source.rows import ROWS, as_rows
from sphering.source.typed import missing_column
from sphering.store.exhausted import exhaustion

READ = "read"


@dataclass
class Intake:
    """Takes blocks, and knows what it took.

    Parameters
    ----------
    rows : KeySort
        What takes the checked rows.
    quarantine : QuarantineWriter
    layout, normalise, progress
        What rows look like, what is done to texts, who hears of it.
    purged : PurgedIds or None
        The ids of which no row may become a document.
    """

    rows: KeySort
    quarantine: QuarantineWriter
    layout: Layout
    normalise: NormaliseConfig
    progress: Progress
    purged: PurgedIds | None = None
    read: int = 0
    deleted: int = 0
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

    def take_carried(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take documents that stand before tonight; they are no rows of the source.

        Parameters
        ----------
        batches : iterable of pyarrow.RecordBatch
            With the columns doc_id, text, metadata, text_hash and metadata_hash.
        """
        for batch in batches:
            kept = batch if self.purged is None else batch.filter(pa.array(~self.purged.among(batch)))
            self.rows.add(as_rows(kept, ROWS, deleted=pa.repeat(False, len(kept)), carried=pa.repeat(True, len(kept))))

    def require_names(self, where: str) -> None:
        """Raise SourceError if there were rows with columns, but a wanted column in none of them.

        A row that removes its id needs no other column, and records may leave out a null.
        """
        for name in self._needed() if self._names else ():
            if name not in self._names:
                raise missing_column(name, sorted(self._names), self.layout, where)

    def _needed(self) -> list[str]:
        named = [self.layout.id] if self.deleted == self.read else self.layout.wanted
        return [name for name in named if name is not None and name != self.layout.deleted]

    def _take(self, block: Block, shown: str | None, number: int) -> None:
        checked = check(block, self.layout, self.normalise)
        if self.purged is not None:
            checked = self.purged.take_out(checked)
        count = len(block.rows) + len(block.rejected)
        self._names |= block.names
        self.read += count
        self.deleted += pc.sum(checked.rows["deleted"]).as_py() or 0
        self.quarantine.add(shown, checked.rejected)
        rows = checked.rows
        file, carried = pa.repeat(pa.scalar(number, pa.int32()), len(rows)), pa.repeat(False, len(rows))
        self.rows.add(as_rows(rows, ROWS, file=file, carried=carried, metadata_hash=known_hashes(rows["metadata"])))
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
