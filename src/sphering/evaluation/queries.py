"""Queries and judgements: which documents answer what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import NormaliseConfig
from sphering.errors import InputError
from sphering.evaluation.candidates import Asked, draw, in_both_spaces, relevant_documents
from sphering.evaluation.confidence import confidence_metrics, no_confidence
from sphering.evaluation.files import SECTION, read_columns
from sphering.evaluation.kind import Documents, Ground, Read, Vectors, Wanted
from sphering.evaluation.retrieval import DEPTH, no_metrics, retrieval_metrics
from sphering.evaluation.supervision import Supervision, of_matches
from sphering.evaluation.texts import encoded_texts, hash_column
from sphering.export.search import Hits, search, unit_vectors
from sphering.geometry.estimate import Estimate
from sphering.identity import digest
from sphering.report.measured import Json, Over, as_sample, number
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

MOST_QUERIES = 1_000
"""How many queries at most P(d|q) and a choice of the transform look at."""
_NOTHING = "no query is judged on a document of this corpus"
_OVER: Over = "queries"


@dataclass(frozen=True)
class Queries:
    """Queries with their raw vectors, and judgements.

    Parameters
    ----------
    query_ids : list of str
        Of n queries, ascending.
    vectors : ndarray, shape (n, d), float32
    judgements : polars.DataFrame
        query_id, doc_id, relevance.
    """

    query_ids: list[str]
    vectors: NDArray[np.float32]
    judgements: pl.DataFrame

    def measure(self, ground: Ground) -> Json:
        """Return the metrics of exact search over the snapshot, and of the probability of a hit."""
        known = self.known(ground.snapshot)
        facts = {
            "queries": len(known.query_ids),
            "queries_left_out": len(self.query_ids) - len(known.query_ids),
            "judgements_missing": len(self.judgements) - len(known.judgements),
        }
        if not known.query_ids:
            nothing = {name: number(each, _OVER) for name, each in no_metrics(_NOTHING).items()}
            raw, transformed = no_confidence(_NOTHING, _OVER)
            return {**facts, "raw": {**nothing, **raw}, "transformed": {**nothing, **transformed}}
        hits = [known.hits(ground.snapshot, each) for each in (None, ground.transform)]
        raw, transformed = known.confidence(ground, hits)
        return {
            **facts,
            "raw": {**known.retrieval(hits[0]), **raw},
            "transformed": {**known.retrieval(hits[1]), **transformed},
        }

    def known(self, snapshot: Snapshot) -> Queries:
        """Return the judgements on documents that a snapshot holds, and the queries that have a relevant one.

        Judged are source documents: of one that was cut into chunks its best chunk counts.
        """
        wanted = self.judgements["doc_id"].unique()
        name = source_column(snapshot)
        found = snapshot.scan().select(doc_id=name).filter(pl.col("doc_id").is_in(wanted.to_list())).unique().collect()
        judgements = self.judgements.join(found, on="doc_id", how="semi")
        relevant = judgements.filter(pl.col("relevance") > 0)["query_id"].unique()
        return replace(
            self._of(np.isin(np.array(self.query_ids, dtype=object), relevant.to_list())), judgements=judgements
        )

    def _of(self, chosen: NDArray[np.bool_]) -> Queries:
        names = [name for name, kept in zip(self.query_ids, chosen, strict=True) if kept]
        return replace(self, query_ids=names, vectors=self.vectors[chosen])

    def hits(self, snapshot: Snapshot, transform: Transform | None) -> Hits:
        """Return the 100 best documents of each query by exact search; None: by the raw vectors' cosines."""
        return search(snapshot, transform, unit_vectors(self.vectors, transform), DEPTH, source_documents=True)

    def retrieval(self, hits: Hits) -> Json:
        """Return the metrics of hits as JSON values."""
        found = retrieval_metrics(self.query_ids, hits, self.judgements)
        return {name: number(estimate, _OVER) for name, estimate in found.items()}

    def confidence(self, ground: Ground, hits: list[Hits]) -> tuple[Json, Json]:
        """Return the numbers of P(d|q) in both spaces.

        P runs over all documents; of more than [report] sample of them over the relevant ones, the best hits and a
        sample of the others, of which each stands for as many as were not drawn.
        """
        chosen = self._drawn(ground.snapshot, ground.seed)
        rows = np.flatnonzero(np.isin(self.query_ids, chosen.query_ids))
        best = {name for found in hits for name in found.doc_ids[rows, :1].ravel().tolist()}
        asked = Asked(chosen.vectors, chosen.query_ids, chosen.judgements, source_column(ground.snapshot))
        raw, transformed, whole = in_both_spaces(asked, ground, best)
        whole = whole and len(chosen.query_ids) == len(self.query_ids)

        def mark(estimate: Estimate) -> Estimate:
            return as_sample(estimate, whole=whole, seed=ground.seed)

        return confidence_metrics(raw, transformed, _OVER, mark)

    def supervision(self, snapshot: Snapshot, sample: int) -> Supervision | None:
        """Return the queries as supervision, over the relevant documents and a sample of the others.

        Of a source document that was cut into chunks each counts by itself.
        """
        known = self.known(snapshot)._drawn(snapshot, seed=0)
        if not known.query_ids:
            return None
        asked = Asked(known.vectors, known.query_ids, known.judgements, source_column(snapshot))
        vectors, relevant, hashes = relevant_documents(asked, snapshot, sample)
        return of_matches("queries", known.vectors, vectors, relevant, hashes)

    def _drawn(self, snapshot: Snapshot, seed: int) -> Queries:
        """Return up to a thousand of the queries."""
        if len(self.query_ids) <= MOST_QUERIES:
            return self
        chosen = draw(self.query_ids, MOST_QUERIES, seed, snapshot.bounds)
        return self._of(np.isin(self.query_ids, list(chosen)))


def source_column(snapshot: Snapshot) -> str:
    """Return the column with the id of the source document."""
    return "doc_id" if snapshot.manifest.chunk is None else "parent"


class _Kind:
    name = "queries"

    def read(self, section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Read | None:
        if section.queries is None or section.qrels is None:
            return None
        queries, judgements = read_queries(section, section.queries, section.qrels)
        names = [f"the query {name!r}" for name in queries["query_id"]]
        texts = encoded_texts(queries["text"], config, names)
        asked = pa.table(
            {"query_id": pa.array(queries["query_id"].to_list(), pa.string()), "text_hash": hash_column(texts)}
        )
        return Read(
            digest=digest({"queries": queries.rows(), "judgements": judgements.rows()}),
            facts={"queries": len(queries), "judgements": len(judgements)},
            tables={self.name: asked, "judgements": judgements.to_arrow()},
            wanted=(Wanted("query", texts, kept=True, names=names),),
        )

    def open(self, facts: Json, tables: Mapping[str, pa.Table], vectors: Vectors) -> Queries:
        asked = tables[self.name]
        judgements = pl.DataFrame(pl.from_arrow(tables["judgements"]))
        return Queries(asked["query_id"].to_pylist(), vectors.of("query", asked["text_hash"]), judgements)


QUERIES = _Kind()


def read_queries(config: EvaluationConfig, asked: str, qrels: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the queries that have judgements (query_id, text), and the judgements (query_id, doc_id, relevance).

    Both are sorted by their ids; relevance is a whole number, 0 is not relevant.

    Raises
    ------
    InputError
        If a file or column is missing, a query id occurs twice, a text is null, a judgement has no query or a relevance
        that is no whole number, or nothing is left.
    """
    queries = _queries(config, asked)
    judgements = _judgements(qrels)
    strangers = judgements.join(queries, on="query_id", how="anti")
    if len(strangers):
        raise InputError(
            f"{len(strangers)} judgements are on queries that are not there, such as {strangers['query_id'][0]!r}",
            expected=f"an id of {asked}",
            where=qrels,
        )
    judged = queries.join(judgements, on="query_id", how="semi").sort("query_id")
    if judged.is_empty():
        raise InputError("no query has a judgement", where=qrels, remedy=f"remove {SECTION}, or mend the files")
    return judged, judgements.sort("query_id", "doc_id")


def _queries(config: EvaluationConfig, name: str) -> pl.DataFrame:
    frame = read_columns(name, {config.id: "query_id", config.text: "text"}, f"set `id` and `text` under {SECTION}")
    frame = frame.with_columns(pl.col("query_id").cast(pl.String), pl.col("text").cast(pl.String))
    twice = frame["query_id"].filter(frame["query_id"].is_duplicated())
    if len(twice):
        raise InputError(f"the query id {twice[0]!r} occurs more than once", where=name)
    return frame


def _judgements(name: str) -> pl.DataFrame:
    columns = {"query_id": "query_id", "doc_id": "doc_id", "relevant": "relevance"}
    frame = read_columns(name, columns, "judgements have query_id, doc_id and relevant")
    frame = frame.with_columns(pl.col("query_id").cast(pl.String), pl.col("doc_id").cast(pl.String))
    try:
        whole = frame["relevance"].cast(pl.Float64)
        numbers = whole.cast(pl.Int64)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"the column 'relevant' holds {frame['relevance'].dtype}", expected="whole numbers", where=name
        ) from error
    if not (whole == numbers).all() or (numbers < 0).any():
        raise InputError("the column 'relevant' holds other than 0, 1, 2, …", where=name)
    return frame.with_columns(numbers.alias("relevance")).unique(["query_id", "doc_id"], keep="first")
