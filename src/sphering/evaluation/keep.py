"""An evaluation in the store: encoded once with the query prompt, then read."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.model import Config, EvaluationConfig, NormaliseConfig
from sphering.encoder.protocol import Encoder
from sphering.errors import InputError, IntegrityError, SourceChangedError
from sphering.evaluation.reading import EvaluationData, read_evaluation
from sphering.identity import sha256_bytes, short_id
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document
from sphering.store.files import Files
from sphering.store.layout import MANIFEST
from sphering.store.shard import EMBEDDING, vector_array, vector_rows
from sphering.text.normalise import is_blank, normalise

EVALUATION_VERSION = 1
TEXTS = "texts.parquet"
JUDGEMENTS = "judgements.parquet"


@dataclass(frozen=True)
class Evaluation:
    """Queries with their raw vectors, and judgements.

    Parameters
    ----------
    id : str
    encoder : str
        The id of the encoder of the vectors.
    query_ids, texts : list of str
        Of n queries, by ascending query id; texts as they were encoded, without the prompt.
    vectors : ndarray, shape (n, d), float32
        As the encoder gave them.
    judgements : polars.DataFrame
        query_id, doc_id, relevance.
    """

    id: str
    encoder: str
    query_ids: list[str]
    texts: list[str]
    vectors: NDArray[np.float32]
    judgements: pl.DataFrame


def evaluation_id(config: Config, encoder: str) -> str:
    """Return the id of the configured evaluation under an encoder; reads its files.

    Raises
    ------
    InputError
        If they cannot be read as configured.
    """
    return _id(read_evaluation(_section(config)), config, encoder)


def keep(corpus: CorpusStore, config: Config, evaluation: str, open_encoder: Callable[[], Encoder]) -> Evaluation:
    """Return an evaluation; where the store does not have it, its queries are encoded and it is created.

    Parameters
    ----------
    corpus : CorpusStore
    config : Config
    evaluation : str
        The id that `evaluation_id` gave.
    open_encoder : callable
        Gives the encoder with the configured query prompt; called only where there is something to encode.

    Raises
    ------
    SourceChangedError
        If the files changed since the id was computed.
    InputError
        If a query is empty, or the encoder gives it a vector that is zero or not finite.
    """
    folder = corpus.layout.evaluation(evaluation)
    if not corpus.files.exists(f"{folder}/{MANIFEST}"):
        data = read_evaluation(_section(config))
        encoder = open_encoder()
        if _id(data, config, encoder.identity.id) != evaluation:
            raise SourceChangedError(
                "the evaluation's files changed while the run was at work",
                where=_section(config).queries,
                remedy="run again",
            )
        _create(corpus.files, folder, data, encoder, config)
    return read(corpus, evaluation)


def read(corpus: CorpusStore, evaluation: str) -> Evaluation:
    """Return a kept evaluation, its hashes checked.

    Raises
    ------
    NotFoundError
        If it is not there.
    IntegrityError
        If a file was changed.
    """
    files, folder = corpus.files, corpus.layout.evaluation(evaluation)
    manifest = read_document(files, f"{folder}/{MANIFEST}")
    texts = pq.read_table(io.BytesIO(_checked(files, folder, TEXTS, manifest)))
    judgements = pl.read_parquet(_checked(files, folder, JUDGEMENTS, manifest))
    return Evaluation(
        id=manifest["id"],
        encoder=manifest["encoder"],
        query_ids=texts["query_id"].to_pylist(),
        texts=texts["text"].to_pylist(),
        vectors=vector_rows(texts[EMBEDDING]),
        judgements=judgements,
    )


def _section(config: Config) -> EvaluationConfig:
    if config.evaluation is None:
        raise InputError("there is no [evaluation]", expected="queries and qrels", remedy="add the section")
    return config.evaluation


def _id(data: EvaluationData, config: Config, encoder: str) -> str:
    return short_id(
        {
            "data": data.digest,
            "roles": ["queries", "qrels"],
            "query_prompt": config.encoder.query_prompt,
            "normalise": config.normalise.model_dump(mode="json"),
            "encoder": encoder,
            "v": EVALUATION_VERSION,
        }
    )


def _create(files: Files, folder: str, data: EvaluationData, encoder: Encoder, config: Config) -> None:
    """Create judgements, texts with their vectors, and last the manifest with the hashes of what is in place."""
    files.create(f"{folder}/{JUDGEMENTS}", _parquet(data.judgements.to_arrow()))
    files.create(f"{folder}/{TEXTS}", _parquet(_encode(data, encoder, config.normalise)))
    document = {
        "id": _id(data, config, encoder.identity.id),
        "encoder": encoder.identity.id,
        "dimension": encoder.dimension,
        "query_prompt": config.encoder.query_prompt,
        "normalise": config.normalise.model_dump(mode="json"),
        "data": data.digest,
        "queries": len(data.queries),
        "judgements": len(data.judgements),
        "files": {name: _entry(files.read(f"{folder}/{name}")) for name in (JUDGEMENTS, TEXTS)},
    }
    create_document(files, f"{folder}/{MANIFEST}", document)


def _encode(data: EvaluationData, encoder: Encoder, config: NormaliseConfig) -> pa.Table:
    texts = normalise(data.queries["text"].to_arrow().cast(pa.string()), config)
    ids = data.queries["query_id"]
    _refuse(is_blank(texts).to_numpy(zero_copy_only=False).astype(bool), ids, "is empty")
    encoded = encoder.encode(texts.to_pylist(), role="query")
    norms = np.linalg.norm(encoded.vectors.astype(np.float64), axis=1)
    _refuse(~(np.isfinite(norms) & (norms > 0)), ids, "gets a vector that is zero or not finite")
    return pa.table(
        {
            "query_id": pa.array(ids.to_list(), pa.string()),
            "text": texts,
            "n_tokens": pa.nulls(len(ids), pa.int32()) if encoded.n_tokens is None else encoded.n_tokens,
            "truncated": encoded.truncated,
            EMBEDDING: vector_array(encoded.vectors),
        }
    )


def _refuse(wrong: NDArray[np.bool_], ids: pl.Series, why: str) -> None:
    if wrong.any():
        first = ids[int(np.argmax(wrong))]
        raise InputError(
            f"the query {first!r} {why}", expected="a text that the encoder can read", where="queries of [evaluation]"
        )


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": sha256_bytes(data)}


def _checked(files: Files, folder_key: str, name: str, manifest: dict[str, Any]) -> bytes:
    data = files.read(f"{folder_key}/{name}")
    if sha256_bytes(data) != manifest["files"][name]["sha256"]:
        raise IntegrityError(
            "the bytes are not those that were written",
            expected=f"SHA-256 {manifest['files'][name]['sha256'][:16]}…",
            where=files.where(f"{folder_key}/{name}"),
            remedy="delete this evaluation's folder and run again: it is encoded anew",
        )
    return data
