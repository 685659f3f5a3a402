"""Staging: the configured source, read once, as sorted documents, a quarantine and sums that add up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sphering.config.model import Config, SourceConfig
from sphering.errors import SourceError
from sphering.progress import Progress, Silence
from sphering.source.block import Block, Layout, Reader
from sphering.source.chunking import Chunking, Staging
from sphering.source.conflict import Origin
from sphering.source.current_folder import WHERE
from sphering.source.database import connected
from sphering.source.documents import Written, write_documents
from sphering.source.finding import find_files
from sphering.source.intake import READ, Intake
from sphering.source.key_sort import KeySort, first_to_keep, keys_by_id
from sphering.source.opened import FoundFile
from sphering.source.purged import PurgedIds
from sphering.source.quarantine import QuarantineWriter
from sphering.source.query import query_blocks
from sphering.source.staged import QUARANTINE_FILE, Staged
from sphering.text.chunk import Chunker

SORT = "sort"
_SILENCE = Silence()


def stage(
    config: Config,
    directory: Path,
    progress: Progress = _SILENCE,
    *,
    base: Path | None = None,
    carried: Iterable[pa.RecordBatch] = (),
    purged: frozenset[bytes] = frozenset(),
    chunker: Chunker | None = None,
) -> Staged:
    """Read the configured source into `directory`: rows.arrow, documents.parquet, quarantine.parquet and staged.json.

    Parameters
    ----------
    config : Config
        Relative paths in [source] and in its SQL are relative to `base`.
    directory : Path
        Scratch space; made if absent. It holds the texts once, in rows.arrow, in the order in which they came.
    progress : Progress
        Hears of rows, in the steps ``read`` and ``sort``, and of source documents in the step ``chunk``.
    base : Path, optional
        The folder of the configuration file; by default the one that the configuration was loaded from.
    carried : iterable of pyarrow.RecordBatch
        The documents that an upsert starts from, one an id, with the columns doc_id, text, metadata, text_hash and
        metadata_hash; those of whose ids no row comes tonight are carried over. Texts may be null where they were not
        kept. With a chunker they are chunks, with the columns of `CHUNK_PLACE`, and stay unless a row of their
        source document comes.
    purged : frozenset of bytes
        SHA-256 of the UTF-8 bytes of ids of which no row becomes a document: such rows are quarantined, and such
        documents not carried over.
    chunker : Chunker, optional
        Cuts source documents into the documents.

    Returns
    -------
    Staged
        The sums. 0 documents are the caller's to judge.

    Raises
    ------
    SourceError
        If the source cannot be read as configured.
    SourceChangedError
        If a file changed while it was read.
    IntegrityError
        If the sums do not add up.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix="scratch-") as scratch:
        folder = Path(os.path.abspath(base or config.base))  # noqa: PTH100 (links stay as they were written)
        return _Staging(config, folder, directory, Path(scratch).absolute(), progress, carried, purged, chunker).run()


@dataclass(frozen=True)
class _Staging:
    config: Config
    base: Path
    directory: Path
    scratch: Path
    progress: Progress
    carried: Iterable[pa.RecordBatch]
    purged: frozenset[bytes]
    chunker: Chunker | None

    def run(self) -> Staged:
        source = self.config.source
        reader, files = (None, []) if source.path is None else find_files(source, self.base)
        layout = layout_of(source, reader)
        with connected(self.config.run.memory, self.scratch / "spill", self.base) as connection:
            with KeySort(connection.cursor(), self._first.rows, keys_by_id(first_to_keep(source))) as sorting:
                intake = self._read(connection, sorting, layout, reader, files)
                sources = self._sort(sorting, files)
            written, chunks = self._chunk(connection, sources)
            texts = self._texts(connection)
        reasons = intake.quarantine.reasons
        staged = Staged(
            rows_read=intake.read,
            source_documents=sources.documents - sources.carried,
            documents=written.documents,
            texts=texts,
            quarantined=reasons.total(),
            reasons=dict(sorted(reasons.items())),
            duplicates=sources.duplicates,
            content_digest=written.content_digest,
            files=tuple(intake.files),
            carried=written.carried,
            deleted=sources.deleted,
            chunks=chunks,
            chunk=None if self.chunker is None else self.chunker.document,
        )
        staged.check()
        staged.save(self.directory)
        return staged

    @property
    def _first(self) -> Staging:
        """Where the source's rows go: what is cut into chunks is needed no longer than that takes."""
        return Staging.under(self.directory if self.chunker is None else self.scratch)

    @property
    def _last(self) -> Staging:
        return Staging.under(self.directory)

    def _read(
        self, connection: Any, rows: KeySort, layout: Layout, reader: Reader | None, files: list[FoundFile]
    ) -> Intake:
        self.progress.start(READ)
        with QuarantineWriter(self.directory / QUARANTINE_FILE) as quarantine:
            # Beside a query that is being read, a statement on its own connection would end its result.
            purged = PurgedIds(connection.cursor(), self.purged) if self.purged else None
            intake = Intake(rows, quarantine, layout, self.config.normalise, self.progress, purged)
            if self.config.source.sql is not None:
                intake.take_query(self._rows_of_query(connection, layout))
            elif reader is not None:
                intake.take_files(reader, files, self.scratch)
            if self.chunker is None:
                intake.take_carried(self.carried)
        intake.require_names(", ".join(file.shown for file in files[:3]) or WHERE)
        self.progress.finish(READ)
        return intake

    def _rows_of_query(self, connection: Any, layout: Layout) -> Iterator[Block]:
        return query_blocks(connection, str(self.config.source.sql), layout, self.base, self.scratch)

    def _sort(self, sorting: KeySort, files: list[FoundFile]) -> Written:
        self.progress.start(SORT, sorting.rows)
        origin = Origin(self.config.source.duplicates, [file.shown for file in files])
        written = write_documents(sorting.keys(), self._first.rows, self._first.documents, origin)
        self.progress.advance(SORT, sorting.rows)
        self.progress.finish(SORT)
        return written

    def _chunk(self, connection: Any, sources: Written) -> tuple[Written, int | None]:
        """Return what became of source documents: they are the documents, or chunks of them are."""
        if self.chunker is None:
            return sources, None
        return Chunking(connection, self.chunker, self.progress).write(
            self._first, self._last, self.carried, self.purged
        )

    def _texts(self, connection: Any) -> int:
        query = "SELECT count(DISTINCT text_hash) FROM read_parquet($path)"
        return int(connection.execute(query, {"path": str(self._last.documents)}).fetchone()[0])


def layout_of(source: SourceConfig, reader: Reader | None) -> Layout:
    """Return which columns the rows of a source have.

    Raises
    ------
    SourceError
        If columns are named of a format that has none, or the rule for duplicates has nothing to go by.
    """
    if source.sql is not None and source.duplicates != "error" and source.order_by is None:
        raise SourceError(
            f'duplicates = "{source.duplicates}" has nothing to go by: the rows of a query have no order',
            expected="order_by",
            where=WHERE,
            remedy="set order_by under [source] to a column of the query",
        )
    columns = (source.id, *source.labels, *source.metadata, source.order_by, source.deleted)
    named = [name for name in columns if name]
    if reader is not None and not reader.has_columns and set(named) - {"hash"}:
        raise SourceError(
            f"the format {reader.format} has no columns, but {named[0]!r} is asked for",
            expected='no id (or id = "hash"), labels, metadata, order_by or deleted',
            where="[source]",
            remedy="remove them; the ids are the files' paths" + (" and line numbers" * (reader.format == "lines")),
        )
    return Layout(
        id=None if source.id == "hash" else source.id or "id",
        text=source.text,
        metadata=tuple(sorted({*source.labels, *source.metadata})),
        order=source.order_by,
        deleted=source.deleted,
        id_given=source.id is not None,
        max_bytes=source.max_bytes,
    )
