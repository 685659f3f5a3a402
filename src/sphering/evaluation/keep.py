"""An evaluation in the store: each of its texts encoded once, then read."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import Config, NormaliseConfig
from sphering.encoder.protocol import Encoder
from sphering.errors import IntegrityError
from sphering.evaluation.halves import without_texts
from sphering.evaluation.kind import Documents, Part, Read, Wanted
from sphering.evaluation.kinds import KINDS
from sphering.evaluation.queries import Queries
from sphering.evaluation.vectors import KeptVectors, Stored, gather, missing
from sphering.identity import digest, sha256_bytes, short_id
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document
from sphering.store.layout import MANIFEST
from sphering.store.manifest import SnapshotManifest

EVALUATION_VERSION = 2
TEXTS = "texts"
Parts = dict[str, Read]
"""What each configured kind of evaluation has read, by its name."""
Document = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation as it was kept.

    Parameters
    ----------
    id, encoder : str
    parts : dict
        Of each kind that it has, by its name.
    """

    id: str
    encoder: str
    parts: dict[str, Part]

    @property
    def query_vectors(self) -> NDArray[np.float32] | None:
        """The raw vectors of its queries, which the recall of an index is measured on; None where it has none."""
        queries = self.parts.get("queries")
        return queries.vectors if isinstance(queries, Queries) else None


@dataclass(frozen=True)
class Kept:
    """The id of a kept evaluation, and how many of its texts were encoded for it, or copied from earlier ones."""

    evaluation: str
    encoded: int
    reused: int


def read_parts(section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Parts:
    """Return what each configured kind of evaluation reads: its files, or the documents of the snapshot.

    Raises
    ------
    InputError
        If something is not there or not as it should be.
    """
    found = {kind.name: kind.read(section, config, documents) for kind in KINDS}
    return {name: read for name, read in found.items() if read is not None}


def evaluation_id(parts: Mapping[str, Read], config: Config, encoder: str) -> str:
    """Return the id of an evaluation under an encoder."""
    return _id(_named(parts, config, encoder))


def queries_id(document: Mapping[str, Any]) -> str | None:
    """Return the id of an evaluation's queries alone, which a measured recall depends on; None where it has none."""
    part = document["parts"].get("queries")
    return None if part is None else _id({**document, "parts": {"queries": part}})


def keep(
    corpus: CorpusStore, parts: Parts, config: Config, manifest: SnapshotManifest, open_encoder: Callable[[], Encoder]
) -> Kept:
    """Create an evaluation unless the store has it.

    Parameters
    ----------
    corpus : CorpusStore
    parts : dict
        What `read_parts` gave.
    config : Config
    manifest : SnapshotManifest
        Of the snapshot whose encoder it is.
    open_encoder : callable
        Gives the encoder with the configured query prompt; called only where there is something to encode.

    Raises
    ------
    InputError
        If the encoder gives a text of a file a vector that is zero or not finite.
    """
    named = {**_named(parts, config, manifest.encoder), "dimension": manifest.dimension}
    name = _id(named)
    if corpus.files.exists(corpus.layout.evaluation_manifest(name)):
        return Kept(name, 0, 0)
    stored = stored_vectors(corpus, manifest.encoder, config.encoder.query_prompt)
    gathered = gather(_wanted(parts), stored, open_encoder, manifest.dimension)
    tables = {TEXTS: gathered.table, **{file: table for read in parts.values() for file, table in read.tables.items()}}
    _create(corpus, named, tables)
    return Kept(name, gathered.encoded, gathered.reused)


def to_encode(corpus: CorpusStore, parts: Parts, config: Config, encoder: str) -> int:
    """Return how many texts `keep` would encode."""
    if corpus.files.exists(corpus.layout.evaluation_manifest(evaluation_id(parts, config, encoder))):
        return 0
    return missing(_wanted(parts), stored_vectors(corpus, encoder, config.encoder.query_prompt))


def read(corpus: CorpusStore, evaluation: str) -> Evaluation:
    """Return a kept evaluation, its hashes checked.

    Raises
    ------
    NotFoundError
        If it is not there.
    IntegrityError
        If a file was changed.
    """
    document = read_document(corpus.files, corpus.layout.evaluation_manifest(evaluation))
    tables = _tables(corpus, evaluation, document)
    vectors = KeptVectors(tables[TEXTS])
    parts = {kind.name: kind for kind in KINDS if kind.name in document["parts"]}
    opened = {name: kind.open(document["parts"][name], tables, vectors) for name, kind in parts.items()}
    return Evaluation(document["id"], document["encoder"], opened)


def check(corpus: CorpusStore, evaluation: str) -> None:
    """Read a kept evaluation's files and compare their hashes, whatever version wrote them.

    Raises
    ------
    SpheringError
        If one is missing or was changed.
    """
    _tables(corpus, evaluation, read_document(corpus.files, corpus.layout.evaluation_manifest(evaluation)))


def without(corpus: CorpusStore, evaluation: str, staying: pa.Array) -> str:
    """Return an evaluation without the halves of texts that are not among some hashes, made where it is not there.

    Nothing is encoded. Where no text is missing it is the same.
    """
    document = read_document(corpus.files, corpus.layout.evaluation_manifest(evaluation))
    if not halved_texts(corpus, evaluation, document) - set(staying.to_pylist()):
        return evaluation
    tables = _tables(corpus, evaluation, document)
    left, content = without_texts(tables["halves"], staying)
    part = {"digest": content, "halves": left.num_rows}
    used = pa.chunked_array([*left["first"].chunks, *left["second"].chunks], left["first"].type)
    texts = tables[TEXTS]
    wanted = pc.or_(pc.is_valid(texts["text"]), pc.is_in(texts["text_hash"], value_set=used.combine_chunks()))
    named = {**document, "parts": {**document["parts"], "halves": part}}
    return _create(corpus, named, {**tables, "halves": left, TEXTS: texts.filter(wanted)})


def halved_texts(corpus: CorpusStore, evaluation: str, document: Mapping[str, Any]) -> set[bytes]:
    """Return the hashes of the texts whose halves an evaluation has."""
    if "halves" not in document.get("parts", {}):
        return set()
    path = corpus.files.path(f"{corpus.layout.evaluation(evaluation)}/halves.parquet")
    return set(pq.read_table(path, columns=["text_hash"])["text_hash"].to_pylist())


def stored_vectors(corpus: CorpusStore, encoder: str, query_prompt: str) -> Stored:
    """Return the vectors of earlier evaluations of an encoder, the newest first; none of queries under another prompt.

    Only what is read is fetched: the search ends with the last text that is wanted.
    """

    def tables() -> Iterator[pa.Table]:
        keys = {
            name: corpus.layout.evaluation_manifest(name) for name in corpus.files.children(corpus.layout.evaluations)
        }
        for name in sorted(keys, key=lambda name: (-corpus.files.modified(keys[name]), name)):
            document = read_document(corpus.files, keys[name]) if corpus.files.exists(keys[name]) else {}
            if document.get("encoder") == encoder and "parts" in document:
                table = _table(corpus, name, TEXTS, document)
                yield table if document["query_prompt"] == query_prompt else _documents(table)

    return tables


def _wanted(parts: Parts) -> list[Wanted]:
    return [each for read in parts.values() for each in read.wanted]


def _documents(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["role"], "document"))


def _named(parts: Mapping[str, Read], config: Config, encoder: str) -> Document:
    """Return what an evaluation's id is made of, and what its manifest says of it."""
    return {
        "parts": {name: {"digest": read.digest, **read.facts} for name, read in parts.items()},
        "query_prompt": config.encoder.query_prompt,
        "normalise": config.normalise.model_dump(mode="json"),
        "encoder": encoder,
    }


def _id(document: Mapping[str, Any]) -> str:
    return short_id(
        {
            "data": _data(document),
            "roles": sorted(document["parts"]),
            "query_prompt": document["query_prompt"],
            "normalise": document["normalise"],
            "encoder": document["encoder"],
            "v": EVALUATION_VERSION,
        }
    )


def _data(document: Mapping[str, Any]) -> dict[str, str]:
    return {name: part["digest"] for name, part in document["parts"].items()}


def _create(corpus: CorpusStore, named: Document, tables: Mapping[str, pa.Table]) -> str:
    """Create the tables, and last the manifest with the hashes of what is in place; return the evaluation's id."""
    name = _id(named)
    folder = corpus.layout.evaluation(name)
    for file, table in tables.items():
        corpus.files.create(f"{folder}/{file}.parquet", _parquet(table))
    files = {file: _entry(corpus.files.read(f"{folder}/{file}.parquet")) for file in sorted(tables)}
    create_document(
        corpus.files, f"{folder}/{MANIFEST}", {**named, "id": name, "data": digest(_data(named)), "files": files}
    )
    return name


def _tables(corpus: CorpusStore, name: str, document: Mapping[str, Any]) -> dict[str, pa.Table]:
    return {file: _table(corpus, name, file, document) for file in document["files"]}


def _table(corpus: CorpusStore, name: str, file: str, document: Mapping[str, Any]) -> pa.Table:
    key = f"{corpus.layout.evaluation(name)}/{file.removesuffix('.parquet')}.parquet"
    data, expected = corpus.files.read(key), document["files"][file]["sha256"]
    if sha256_bytes(data) != expected:
        raise IntegrityError(
            "the bytes are not those that were written",
            expected=f"SHA-256 {expected[:16]}…",
            where=corpus.files.where(key),
            remedy="delete this evaluation's folder and run again: it is encoded anew",
        )
    return pq.read_table(io.BytesIO(data))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": sha256_bytes(data)}
