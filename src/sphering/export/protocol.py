"""What a format is: it writes rows as an engine's files, reads them back, and says how they are searched.

A new format is one file with one object of a subclass of `Format` and the table of its keys. It is registered in
`opening.FORMATS`, or, from another package, by an entry point of the group `sphering.exports`, and passes the
conformance class of `sphering.export.conformance`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.export import ExportConfig
from sphering.export.delta.base import PREFIX, DeltaBase, NoDelta
from sphering.export.documents import Documents
from sphering.export.matrix.files import EXCLUDED, IDS, Matrix
from sphering.export.matrix.rows import Rows
from sphering.store.layout import MANIFEST
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

Settings = dict[str, int]
"""Search settings of an index by their names in the [[export]] table, such as ef_search."""


@dataclass(frozen=True)
class ExportJob:
    """One export to be made.

    Parameters
    ----------
    config : ExportConfig
        The table of its format.
    matrix : Matrix
        The transformed vectors, shared by all exports of a release.
    snapshot : Snapshot
        Where the vectors came from.
    transform : Transform
        What was applied to them.
    folder : Path
        A new local folder for the files.
    identity : mapping
        What the manifest says of its origin: encoder, snapshot, transform, transform_sha256 and what else
        the caller knows.
    queries : ndarray, shape (q, d), float32, optional
        Raw query vectors of an evaluation, which recall is measured on.
    memory : str
        DuckDB's memory limit.
    kept : ndarray, shape (n,), bool, optional
        Which rows of the matrix are written: those of a probe index or of a delta. None: all of them.
    base : DeltaBase or NoDelta, optional
        Where the table has `delta`: the export that the delta stands on, or why there is none.
    """

    config: ExportConfig
    matrix: Matrix
    snapshot: Snapshot
    transform: Transform
    folder: Path
    identity: Mapping[str, Any] = field(default_factory=dict)
    queries: NDArray[np.float32] | None = None
    memory: str = "1GB"
    kept: NDArray[np.bool_] | None = None
    base: DeltaBase | NoDelta | None = None

    @property
    def rows(self) -> Rows:
        """The rows that are written, as the configuration wants them."""
        return Rows(self.matrix, self.config.truncate_dim, self.config.metadata, self.kept)

    @property
    def documents(self) -> Documents:
        """The rows without their vectors."""
        held_out = 0 if self.queries is not None and len(self.queries) else int(self.matrix.held_out().sum())
        return Documents(self.rows.n, self.rows.d, held_out, self.rows.ids_and_metadata)

    def probe(self, folder: Path) -> ExportJob:
        """Return the job of a probe: the same without the texts of smallest hash, in another folder."""
        return replace(self, folder=folder, kept=~self.matrix.held_out())


@dataclass(frozen=True)
class Block:
    """Consecutive rows as an engine's reader gives them.

    doc_ids is (m,) string; vectors is (m, d) float32, decoded where they are stored in fewer bits, or None where the
    engine does not give them back.
    """

    doc_ids: pa.Array
    vectors: NDArray[np.float32] | None


class Searcher(Protocol):
    """An export opened for the search, by its engine's own library where it has one."""

    @property
    def settings(self) -> Settings:
        """The search settings; empty where there is nothing to set."""

    def put(self, settings: Settings) -> None:
        """Search with other settings from now on."""

    def search(self, raw: NDArray[np.float32], unit: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows that are found for each query, (q, k) int64, best first; −1 where there are fewer.

        Parameters
        ----------
        raw, unit : ndarray, shape (q, d) and (q, k'), float32
            The same queries before and after the transform; the engine takes one of both.
        k : int
        """


class Format(ABC):
    """One engine's files.

    Attributes
    ----------
    config : type
        The table of this format: a subclass of `ExportConfig`.
    libraries : tuple of str
        The distributions whose versions the manifest names.
    limit : int or None
        The largest dimension that the engine takes.
    one_build : bool
        Whether its files go together only where one build wrote them all, and no two builds write the same bytes.
    without_vectors : tuple of str
        The files of its own that hold no vector of the corpus: scripts, settings, queries.
    """

    config: ClassVar[type[ExportConfig]]
    libraries: ClassVar[tuple[str, ...]]
    limit: ClassVar[int | None] = None
    one_build: ClassVar[bool] = False
    without_vectors: ClassVar[tuple[str, ...]] = ()

    def check(self, config: Any, dimension: int) -> None:  # noqa: B027 - a format may have nothing to check
        """Refuse a configuration that cannot work, before anything is written.

        Parameters
        ----------
        config : ExportConfig
            Of this format's own class.
        dimension : int
            Of the exported vectors.

        Raises
        ------
        InputError
            With what to change.
        ExtraMissingError
            If a library that it needs is not installed.
        """

    def check_documents(self, config: Any, documents: Documents) -> None:  # noqa: B027 - most take all documents
        """Refuse ids or metadata that the engine cannot hold, and too few rows, before anything is encoded.

        Parameters
        ----------
        config : ExportConfig
            Of this format's own class.
        documents : Documents

        Raises
        ------
        InputError
            With the document, or with how many are needed.
        """

    @abstractmethod
    def write(self, job: ExportJob) -> None:
        """Write the engine's files into the job's folder, in `doc_id` order."""

    @abstractmethod
    def read(self, folder: Path) -> Iterator[Block]:
        """Yield all rows with the engine's own reader, in order.

        Raises
        ------
        IntegrityError
            If a file cannot be read.
        """

    def expected(self, job: ExportJob) -> Iterator[NDArray[np.float32]]:
        """Yield what `read` must give back of the rows, in blocks: what they are after encoding and decoding."""
        return job.rows.blocks()

    def facts(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return what the manifest says of the files in a folder beyond the rows, such as dtype."""
        return {"dtype": "float32"}

    def vector_bytes(self, folder: Path) -> int:
        """Return the bytes of the files of a folder that hold vectors of the corpus, those of a delta left out."""
        others = (EXCLUDED, IDS, MANIFEST, *self.without_vectors)
        files = (path for path in folder.iterdir() if path.name not in others and not path.name.startswith(PREFIX))
        return sum(path.stat().st_size for path in files)

    def searcher(self, job: ExportJob, folder: Path) -> Searcher | None:
        """Return the files of a folder opened for the search; None where they hold every number of every vector.

        Where there is one the manifest has its recall.
        """
        return None

    def is_exact(self, config: Any) -> bool:
        """Return whether every number of every vector is compared: then nothing is lost, whatever is asked."""
        return True


class IndexFormat(Format):
    """A format that is an index, with settings of the search that trade recall for speed."""

    def ladder(self, job: ExportJob, searcher: Searcher) -> Sequence[Settings]:
        """Return the settings to try, from the fastest to the one that finds most."""
        return ()

    @abstractmethod
    def put_settings(self, folder: Path, settings: Settings) -> None:
        """Write search settings into, or beside, the index of a folder."""

    def is_exact(self, config: Any) -> bool:
        """Return whether the index compares a query with every vector."""
        return False
