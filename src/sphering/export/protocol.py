"""What a format is: it writes a matrix as an engine's files, reads them back, and says what it measured.

A new format is one file with one object that has these members, one line in `formats.FORMATS`, and passes the
conformance test of the exports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.model import ExportConfig
from sphering.export.matrix import Matrix
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform


@dataclass(frozen=True)
class ExportJob:
    """One export to be made.

    Parameters
    ----------
    config : ExportConfig
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
    """

    config: ExportConfig
    matrix: Matrix
    snapshot: Snapshot
    transform: Transform
    folder: Path
    identity: Mapping[str, Any] = field(default_factory=dict)
    queries: NDArray[np.float32] | None = None
    memory: str = "1GB"


@dataclass(frozen=True)
class Block:
    """Consecutive rows as an engine's reader gives them.

    doc_ids is (m,) string; vectors is (m, d) float32, or None where the engine keeps them in fewer bits.
    """

    doc_ids: pa.Array
    vectors: NDArray[np.float32] | None


class Format(Protocol):
    """One engine's files."""

    name: str
    options: frozenset[str]
    libraries: tuple[str, ...]
    measures_recall: bool

    def check(self, config: ExportConfig, dimension: int) -> None:
        """Raise InputError where the configuration cannot work, before anything is written."""

    def write(self, job: ExportJob) -> None:
        """Write the engine's files into the job's folder, in `doc_id` order."""

    def read(self, folder: Path) -> Iterator[Block]:
        """Yield all rows with the engine's own reader, in order.

        Raises
        ------
        IntegrityError
            If a file cannot be read.
        """

    def measure(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Return what the manifest says of the published files beyond the matrix, such as dtype and recall."""


class VectorFormat:
    """A format that keeps every vector in float32, in files that are no index."""

    options: frozenset[str] = frozenset()
    measures_recall = False

    def check(self, config: ExportConfig, dimension: int) -> None:
        """Accept every configuration."""

    def measure(self, job: ExportJob, folder: Path) -> dict[str, Any]:
        """Say that nothing is approximate."""
        return {"dtype": "float32", "approximate": False}
