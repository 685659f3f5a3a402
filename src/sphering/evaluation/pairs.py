"""Scored pairs: two texts each, and how alike people found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import NormaliseConfig
from sphering.errors import InputError
from sphering.evaluation.confidence import bounds_json
from sphering.evaluation.files import read_columns
from sphering.evaluation.kind import Documents, Ground, Read, Vectors, Wanted
from sphering.evaluation.supervision import Supervision, of_pairs, pair_cosines
from sphering.evaluation.texts import encoded_texts, hash_column
from sphering.export.search import unit_vectors
from sphering.geometry.calibration import bounds
from sphering.geometry.contrastive import alignment, info_nce
from sphering.geometry.estimate import Estimate, undefined
from sphering.geometry.gram import Array
from sphering.geometry.rank_correlation import spearman_estimate
from sphering.identity import digest
from sphering.report.measured import Json, number
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

POSITIVE = 0.8
_NO_BOUND = "every pair has the same score: set [evaluation] positive"
_NO_POSITIVE = "no pair has a score of at least `positive`"


@dataclass(frozen=True)
class Pairs:
    """Scored pairs with their raw vectors.

    Parameters
    ----------
    first, second : ndarray, shape (n, d), float32
    scores : ndarray, shape (n,), float64
    hashes : list of tuple of bytes
        SHA-256 of both texts of each pair.
    positive : float or None
        The score from which a pair is a positive one; None where the scores have no range.
    """

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    scores: Array
    hashes: list[tuple[bytes, bytes]]
    positive: float | None

    def measure(self, ground: Ground) -> Json:
        """Return Spearman's ρ of cosines and scores; alignment, InfoNCE and bounds on the cosine of positive pairs."""
        return {
            "pairs": len(self.scores),
            "positive": self.positive,
            "positives": int(self._positive.sum()),
            "raw": self.metrics(None),
            "transformed": self.metrics(ground.transform),
        }

    def metrics(self, transform: Transform | None) -> Json:
        """Return the numbers under a transform; None: of the raw vectors."""
        first, second = unit_vectors(self.first, transform), unit_vectors(self.second, transform)
        cosines, chosen = pair_cosines(first, second), self._positive
        losses = info_nce(first[chosen], second[chosen], self._targets[chosen])
        return {
            "spearman": number(spearman_estimate(cosines, self.scores), "pairs"),
            "alignment": number(self._known(alignment(cosines[chosen])), "pairs"),
            "info_nce": {f"{tau:g}": number(self._known(loss), "pairs") for tau, loss in losses.items()},
            "thresholds": bounds_json(bounds(cosines, chosen, int(chosen.sum())), len(cosines), "pairs"),
        }

    def supervision(self, snapshot: Snapshot, sample: int) -> Supervision | None:
        """Return the pairs as supervision; None where the scores have no order."""
        if len(np.unique(self.scores)) < 2:
            return None
        return of_pairs(self.first, self.second, self.scores, tuple(self.hashes))

    @cached_property
    def _positive(self) -> NDArray[np.bool_]:
        return self.scores >= (np.inf if self.positive is None else self.positive)

    @cached_property
    def _targets(self) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.unique([pair[1] for pair in self.hashes], return_inverse=True)[1]
        return found

    def _known(self, estimate: Estimate) -> Estimate:
        """Return an estimate of the positive pairs, with the reason where there are none."""
        if self._positive.any():
            return estimate
        return undefined(_NO_BOUND if self.positive is None else _NO_POSITIVE, len(self.scores))


class _Kind:
    name = "pairs"

    def read(self, section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Read | None:
        if section.pairs is None:
            return None
        frame = _read(section, section.pairs)
        names = [f"row {row + 1} of {section.pairs}" for row in range(len(frame))]
        texts = [encoded_texts(frame[column], config, names) for column in ("first", "second")]
        scores = frame["score"].to_numpy()
        positive = _positive_bound(section, scores)
        hashes = [hash_column(each) for each in texts]
        table = pa.table({"first": hashes[0], "second": hashes[1], "score": pa.array(scores)})
        content = [*zip(*texts, scores.tolist(), strict=True)]
        return Read(
            digest=digest({"pairs": content, "positive": positive}),
            facts={"pairs": len(frame), "positive": positive},
            tables={self.name: table},
            wanted=tuple(Wanted("document", each, kept=True, names=names) for each in texts),
        )

    def open(self, facts: Json, tables: Mapping[str, pa.Table], vectors: Vectors) -> Pairs:
        table = tables[self.name]
        return Pairs(
            vectors.of("document", table["first"]),
            vectors.of("document", table["second"]),
            table["score"].to_numpy(),
            list(zip(table["first"].to_pylist(), table["second"].to_pylist(), strict=True)),
            facts["positive"],
        )


PAIRS = _Kind()


def _read(section: EvaluationConfig, name: str) -> pl.DataFrame:
    columns = {section.sentence1: "first", section.sentence2: "second", section.score: "score"}
    if len(columns) < 3:
        raise InputError(
            "two of `sentence1`, `sentence2` and `score` name one column", where="[evaluation]", remedy="name three"
        )
    frame = read_columns(name, columns, "set `sentence1`, `sentence2` and `score` under [evaluation]")
    if frame.is_empty():
        raise InputError("there is no pair", where=name, remedy="remove `pairs`, or mend the file")
    try:
        frame = frame.with_columns(pl.col("score").cast(pl.Float64), pl.col("first", "second").cast(pl.String))
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the column {section.score!r} holds {frame['score'].dtype}", expected="numbers", where=name
        ) from error
    if not frame["score"].is_finite().all():
        row = int((~frame["score"].is_finite()).arg_max() or 0) + 1
        raise InputError("a score is not finite", expected="numbers", where=f"{name}, row {row}")
    return frame


def _positive_bound(section: EvaluationConfig, scores: Array) -> float | None:
    if section.positive is not None:
        return section.positive
    low, high = float(scores.min()), float(scores.max())
    return low + POSITIVE * (high - low) if high > low else None
