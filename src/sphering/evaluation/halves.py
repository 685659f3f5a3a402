"""Self-supervision: of a text cut in two, the first half must find the second among those of all other texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import NormaliseConfig
from sphering.evaluation.confidence import confidence_metrics, no_confidence
from sphering.evaluation.kind import Documents, Ground, Read, Vectors, Wanted
from sphering.evaluation.retrieval import DEPTH, no_metrics, retrieval_metrics
from sphering.evaluation.supervision import Hashes, Supervision, of_matches
from sphering.evaluation.texts import hash_column
from sphering.export.exact import TopK
from sphering.export.search import Hits, unit_vectors
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.contrastive import info_nce
from sphering.geometry.likelihood import Candidates
from sphering.identity import digest
from sphering.report.measured import Json, Over, number
from sphering.store.snapshot import Snapshot
from sphering.text.sentences import SENTENCES_VERSION, halves, may_have_two
from sphering.transform import Transform

Cut = tuple[bytes, tuple[str, str]]
"""The hash of a text and its halves."""
_LEAST = 2
_OVER: Over = "queries"


@dataclass(frozen=True)
class Halves:
    """Halves of texts with their raw vectors.

    Parameters
    ----------
    queries, targets : ndarray, shapes (n, d) and (m, d), float32
        Of the first halves, and of the different second halves.
    target_of : ndarray, shape (n,), int64
        Which target each query must find.
    hashes : tuple of tuple of bytes
        SHA-256 of the text that each was cut from.
    left_out : int
        Texts of which a half got a vector that is zero or not finite.
    """

    queries: NDArray[np.float32]
    targets: NDArray[np.float32]
    target_of: NDArray[np.int64]
    hashes: Hashes
    left_out: int

    def measure(self, ground: Ground) -> Json:
        """Return the metrics of retrieval, InfoNCE and the probability of a hit, over all halves."""
        spaces = (None, ground.transform)
        if self._missing:
            nothing = {name: number(each, _OVER) for name, each in no_metrics(self._missing).items()}
            found, sure = [nothing, nothing], no_confidence(self._missing, _OVER)
        else:
            found = [self._retrieval(each) for each in spaces]
            before, after = map(self._candidates, spaces)
            sure = confidence_metrics(before, after, _OVER, lambda estimate: estimate)
        raw, transformed = (
            {**found[place], **sure[place], **self._info_nce(each)} for place, each in enumerate(spaces)
        )
        return {"halves": len(self.queries), "left_out": self.left_out, "raw": raw, "transformed": transformed}

    def supervision(self, snapshot: Snapshot, sample: int) -> Supervision | None:
        """Return the halves as supervision; None where there are too few."""
        if self._missing:
            return None
        return of_matches("halves", self.queries, self.targets, self._relevant, self.hashes)

    @cached_property
    def _missing(self) -> str | None:
        if len(self.queries) and len(self.targets) >= _LEAST:
            return None
        return f"{len(self.queries)} texts could be cut in two: fewer than two texts have two sentences"

    @cached_property
    def _relevant(self) -> NDArray[np.bool_]:
        return np.asarray(self.target_of[:, None] == np.arange(len(self.targets)))

    def _retrieval(self, transform: Transform | None) -> Json:
        best = TopK(unit_vectors(self.queries, transform), DEPTH)
        best.update(unit_vectors(self.targets, transform), np.arange(len(self.targets)))
        rows, scores = best.result()
        names = [f"{row:06d}" for row in range(len(self.queries))]
        hits = Hits(np.array([[str(row) for row in line] for line in rows.tolist()], dtype=object), scores)
        judged = pl.DataFrame({"query_id": names, "doc_id": [str(row) for row in self.target_of]})
        found = retrieval_metrics(names, hits, judged.with_columns(relevance=pl.lit(1)))
        return {name: number(estimate, _OVER) for name, estimate in found.items()}

    def _candidates(self, transform: Transform | None) -> Candidates:
        queries, targets = unit_vectors(self.queries, transform), unit_vectors(self.targets, transform)
        with one_blas_thread():
            return Candidates(queries @ targets.T, self._relevant, np.zeros(len(targets)))

    def _info_nce(self, transform: Transform | None) -> Json:
        second = unit_vectors(self.targets, transform)[self.target_of]
        losses = info_nce(unit_vectors(self.queries, transform), second, self.target_of)
        return {"info_nce": {f"{tau:g}": number(loss, _OVER) for tau, loss in losses.items()}}


class _Kind:
    name = "halves"

    def read(self, section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Read | None:
        if section.halves is None:
            return None
        chosen = smallest_halves(documents, section.halves)
        first, second = ([pair[side] for _, pair in chosen] for side in (0, 1))
        table = pa.table(
            {
                "text_hash": pa.array([text_hash for text_hash, _ in chosen], pa.binary(32)),
                "first": hash_column(first),
                "second": hash_column(second),
            }
        )
        return Read(
            digest=_digest(table),
            facts={"halves": len(chosen)},
            tables={self.name: table},
            wanted=(Wanted("query", first, kept=False), Wanted("document", second, kept=False)),
        )

    def open(self, facts: Json, tables: Mapping[str, pa.Table], vectors: Vectors) -> Halves:
        table = tables[self.name]
        first, second = vectors.of("query", table["first"]), vectors.of("document", table["second"])
        usable = _has_direction(first) & _has_direction(second)
        kept = table.filter(pa.array(usable))
        codes = kept["second"].combine_chunks().dictionary_encode()
        target_of = codes.indices.to_numpy().astype(np.int64)
        place = np.unique(target_of, return_index=True)[1]
        hashes = tuple((text_hash,) for text_hash in kept["text_hash"].to_pylist())
        return Halves(first[usable], second[usable][place], target_of, hashes, int((~usable).sum()))


HALVES = _Kind()


def without_texts(table: pa.Table, staying: pa.Array) -> tuple[pa.Table, str]:
    """Return kept halves of those texts alone whose hash is among some, and the digest of these."""
    left = table.filter(pc.is_in(table["text_hash"], value_set=staying))
    return left, _digest(left)


def smallest_halves(documents: Documents, count: int) -> list[Cut]:
    """Return the hash and the halves of up to `count` distinct texts that have two sentences, those of smallest hash.

    Of a part of the documents no more is read than its hashes call for: of a corpus in many shards some
    count · ln(shards) texts.
    """
    found: dict[bytes, tuple[str, str]] = {}
    for part in documents():
        bound = max(found) if len(found) >= count else None
        fresh = (entry for entry in _cut(part, bound) if entry[0] not in found)
        found |= dict(islice(_distinct(fresh), count))
        found = dict(sorted(found.items())[:count])
    return sorted(found.items())


def _cut(part: Iterable[pa.RecordBatch], bound: bytes | None) -> Iterator[Cut]:
    """Yield the texts of a part that can be cut, in the order of their hashes up to a bound."""
    for batch in part:
        hashes, texts = batch["text_hash"].cast(pa.binary()), batch["text"]
        if bound is not None and hashes[0].as_py() > bound:
            return
        chosen = may_have_two(texts)
        for text_hash, text in zip(hashes.filter(chosen).to_pylist(), texts.filter(chosen).to_pylist(), strict=True):
            pair = halves(text)
            if pair is not None:
                yield text_hash, pair


def _distinct(entries: Iterable[Cut]) -> Iterator[Cut]:
    """Yield the first of equal texts, which stand side by side."""
    last = None
    for entry in entries:
        if entry[0] != last:
            yield entry
        last = entry[0]


def _digest(table: pa.Table) -> str:
    rows = zip(*(table[name].to_pylist() for name in ("text_hash", "first", "second")), strict=True)
    return digest({"halves": [[each.hex() for each in row] for row in rows], "v": SENTENCES_VERSION})


def _has_direction(vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    norms = np.linalg.norm(np.nan_to_num(vectors.astype(np.float64), posinf=0.0, neginf=0.0), axis=1)
    return np.asarray(np.isfinite(vectors).all(axis=1) & (norms > 0))
