"""What a kind of evaluation is to the rest: what it reads, what has to be encoded in which role, what it measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import NormaliseConfig
from sphering.encoder.protocol import Role
from sphering.evaluation.supervision import Supervision
from sphering.report.measured import Json
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

Documents = Callable[[], Iterable[Iterable[pa.RecordBatch]]]
"""Gives the documents as batches with text_hash and text (null where none is kept), grouped in parts.

The rows of a part stand in the order of their hashes."""


@dataclass(frozen=True)
class Wanted:
    """Texts that are to have a vector in one role.

    Parameters
    ----------
    role : {"document", "query"}
    texts : list of str
        As they are encoded, in any order, also repeated.
    kept : bool
        Whether the texts are kept beside their vectors; else their hashes alone.
    names : list of str, optional
        What an error calls each text, where a text without a usable vector is an error.
    """

    role: Role
    texts: list[str]
    kept: bool
    names: list[str] | None = None


@dataclass(frozen=True)
class Read:
    """What a kind of evaluation has read.

    Parameters
    ----------
    digest : str
        SHA-256 (64 hex digits) of all that its numbers depend on but the vectors.
    facts : dict
        What its manifest and its report say of it beside numbers, as JSON values.
    tables : dict
        What is kept beside the vectors, by file name without ending.
    wanted : tuple of Wanted
    """

    digest: str
    facts: Json
    tables: dict[str, pa.Table] = field(default_factory=dict)
    wanted: tuple[Wanted, ...] = ()


class Vectors(Protocol):
    """The vectors that were kept."""

    def of(self, role: Role, hashes: pa.Array | pa.ChunkedArray) -> NDArray[np.float32]:
        """Return the raw vectors of texts by their hashes, (n, d) float32."""


@dataclass(frozen=True)
class Ground:
    """What numbers are measured over: a snapshot, its transform, and how much of it where not all.

    `sample` and `seed` are those of [report].
    """

    snapshot: Snapshot
    transform: Transform
    sample: int
    seed: int


class Part(Protocol):
    """One kind of evaluation as it was kept."""

    def measure(self, ground: Ground) -> Json:
        """Return its part of a report: facts, and metrics under `raw` and `transformed`."""

    def supervision(self, snapshot: Snapshot, sample: int) -> Supervision | None:
        """Return what a choice of the transform can be judged by; None where it has too few items."""


class Kind(Protocol):
    """A kind of evaluation."""

    @property
    def name(self) -> str:
        """Its name in the configuration and in a report."""

    def read(self, section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Read | None:
        """Read what it is configured to read; None where the configuration has no such evaluation.

        Raises
        ------
        InputError
            If that is not there or not as it should be.
        """

    def open(self, facts: Json, tables: Mapping[str, Any], vectors: Vectors) -> Part:
        """Return it as it was kept."""
