"""Work one unit: encode its new texts, copy the vectors that are known, and create its shard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.encoder import identify
from sphering.encoder.protocol import Encoded, Encoder
from sphering.errors import IdentityError, IntegrityError
from sphering.progress import current
from sphering.run.check_exports import check_tables
from sphering.run.parity import check_parity
from sphering.run.probe import check_again, check_probe
from sphering.run.units import unit_path
from sphering.run.workspace import Workspace, timed
from sphering.store.corpus import CorpusStore
from sphering.store.shard import (
    CHUNK_PLACE,
    EMBEDDING,
    ROW_GROUP_ROWS,
    is_chunked,
    read_batches,
    schema,
    shard_id,
    vector_array,
    vector_rows,
    write_shard,
)

_MEASURED = ("n_tokens", "n_unknown", "truncated", "norm", EMBEDDING)
REFUSED = "encoder-refused"


@dataclass(frozen=True)
class Vectors:
    """What is known of n rows: vectors (n, d) float32 and, per row, the tokens counted and whether it was cut."""

    n_tokens: NDArray[np.int32]
    n_unknown: NDArray[np.int32]
    truncated: NDArray[np.bool_]
    norm: NDArray[np.float32]
    embedding: NDArray[np.float32]

    @classmethod
    def empty(cls, rows: int, dimension: int) -> Vectors:
        """Return space for `rows` rows; `n_tokens` and `n_unknown` are -1 where the encoder cannot say."""
        return cls(
            np.full(rows, -1, np.int32),
            np.full(rows, -1, np.int32),
            np.zeros(rows, bool),
            np.zeros(rows, np.float32),
            np.zeros((rows, dimension), np.float32),
        )

    def put(self, positions: NDArray[np.int64], other: Vectors, rows: NDArray[np.int64]) -> None:
        """Copy `rows` of another set to `positions` of this one."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[positions] = getattr(other, name)[rows]


def embed_unit(path: Path, unit: int) -> None:
    """Create the shard of one unit, or adopt it where an earlier run has created it.

    Texts for which the encoder gives a non-finite or zero vector do not enter the shard; they are left for the
    quarantine, with their hash.
    """
    workspace = Workspace(path)
    started = time.perf_counter()
    documents = pq.read_table(unit_path(workspace, unit))
    corpus, encoder_id = workspace.corpus, workspace.begun["encoder"]
    name = shard_id(encoder_id, documents, keep_text=workspace.config.source.keep_text)
    key = corpus.layout.shard(encoder_id, name)
    work = _Work()
    refused = documents.slice(0, 0)
    if corpus.files.exists(key):
        _check_adopted(corpus.files.path(key), documents.num_rows)
    else:
        encoder = opened_encoder(workspace)
        vectors, work = _vectors(
            documents, encoder, lambda shard: corpus.files.path(corpus.layout.shard(encoder_id, shard))
        )
        if work.encoded:
            check_again(workspace, encoder)
        documents, vectors, refused = _without_refused(documents, vectors)
        name = shard_id(encoder_id, documents, keep_text=workspace.config.source.keep_text)
        if documents.num_rows:
            _create_shard(workspace, corpus, documents, vectors, corpus.layout.shard(encoder_id, name))
    pq.write_table(_refused_rows(refused), workspace.folder("refused") / f"{unit:06d}.parquet")
    workspace.write(
        f"unit-{unit:06d}",
        {
            "shard": name if documents.num_rows else None,
            **asdict(work),
            "refused": refused.num_rows,
            "refused_texts": pc.count_distinct(refused["text_hash"]).as_py(),
            "seconds": round(time.perf_counter() - started, 3),
            "ended": time.time(),
        },
    )


def _check_adopted(path: Path, rows: int) -> None:
    """Refuse a shard that an earlier run has created where it is damaged: nothing was committed that names its bytes.

    Raises
    ------
    IntegrityError
        If it cannot be read or has other rows.
    """
    try:
        found = f"has {sum(batch.num_rows for batch in read_batches(path, None, ROW_GROUP_ROWS))} rows"
    except IntegrityError as error:
        found = str(error).partition("\n")[0]
    if found != f"has {rows} rows":
        raise IntegrityError(
            f"a shard that an earlier run created cannot be adopted: {found}",
            expected=f"a whole shard of {rows} rows, as its name says",
            where=str(path),
            remedy="remove this file, then run again",
        )


@timed("load")
def load_encoder(path: Path) -> int:
    """Open this process' encoder, seconds that are no encoding, and return its dimension."""
    progress = current()
    progress.start("load")
    dimension = opened_encoder(Workspace(path)).dimension
    progress.finish("load")
    return dimension


def opened_encoder(workspace: Workspace) -> Encoder:
    """Return this process' encoder after its probe and its parity were checked.

    Raises
    ------
    IdentityError
        If the model's files changed since the run began.
    ProbeError
        If it does not give what it gave at its first use.
    ParityError
        If it does not give what its reference gives.
    """
    from sphering.encoder import open_encoder

    config = workspace.config.encoder
    identity = identify(config, workspace.begun["backend"])
    if identity.id != workspace.begun["encoder"]:
        raise IdentityError(
            f"the encoder here is {identity.id}, the run began with {workspace.begun['encoder']}",
            expected="the same model files on every worker, unchanged during a run",
            where=identity.place,
            remedy="install the same model everywhere, then run again",
        )
    encoder = open_encoder(identity, config)
    check_tables(workspace.config, encoder.dimension)
    check_probe(workspace, encoder)
    check_parity(workspace, encoder)
    return encoder


@dataclass(frozen=True)
class _Work:
    """What the encoder did for a unit: distinct texts, the tokens that it read of them, and those that are billed."""

    encoded: int = 0
    encoded_tokens: int | None = None
    billed_tokens: int | None = None


def _vectors(documents: pa.Table, encoder: Encoder, place: Callable[[str], Path]) -> tuple[Vectors, _Work]:
    """Return the vectors of a unit's documents, and what the encoder did for them; `place` finds a shard's file."""
    vectors = Vectors.empty(documents.num_rows, encoder.dimension)
    known = documents["source"].is_valid().to_numpy()
    _copy_known(documents, known, vectors, place)
    fresh = np.flatnonzero(~known)
    if not len(fresh):
        return vectors, _Work()
    hashes = documents["text_hash"].take(pa.array(fresh)).combine_chunks().dictionary_encode()
    groups = hashes.indices.to_numpy()
    _, first = np.unique(groups, return_index=True)
    texts = documents["text"].take(pa.array(fresh[first])).to_pylist()
    encoded = encoder.encode(texts, "document", current())
    vectors.put(fresh, _measured(encoded), groups.astype(np.int64))
    return vectors, _Work(len(texts), _tokens_read(encoded, encoder.max_length), encoded.billed_tokens)


def _tokens_read(encoded: Encoded, max_length: int | None) -> int | None:
    """Return the tokens of texts, after they were cut to what the encoder reads; None where it cannot say."""
    if encoded.n_tokens is None:
        return None
    return int((encoded.n_tokens if max_length is None else np.minimum(encoded.n_tokens, max_length)).sum())


def _measured(encoded: Encoded) -> Vectors:
    norm = np.linalg.norm(encoded.vectors.astype(np.float64), axis=1).astype(np.float32)
    unsaid = np.full(len(encoded.vectors), -1, np.int32)
    tokens, unknown = (unsaid if counts is None else counts for counts in (encoded.n_tokens, encoded.n_unknown))
    return Vectors(tokens, unknown, encoded.truncated, norm, encoded.vectors)


def _copy_known(documents: pa.Table, known: NDArray[np.bool_], vectors: Vectors, place: Callable[[str], Path]) -> None:
    positions = np.flatnonzero(known)
    if not len(positions):
        return
    part = documents.select(["source", "source_row"]).take(pa.array(positions))
    sources = np.asarray(part["source"].to_pylist(), dtype=object)
    rows = part["source_row"].to_numpy()
    for source in sorted(set(sources)):
        mask = sources == source
        vectors.put(positions[mask], _read_rows(place(Path(source).stem), rows[mask]), np.arange(int(mask.sum())))


def _read_rows(path: Path, rows: NDArray[np.int64]) -> Vectors:
    order = np.argsort(rows, kind="stable")
    wanted, start = rows[order], 0
    parts: list[pa.Table] = []
    for batch in read_batches(path, _MEASURED, ROW_GROUP_ROWS):
        low, high = np.searchsorted(wanted, [start, start + batch.num_rows])
        if high > low:
            parts.append(pa.Table.from_batches([batch]).take(pa.array(wanted[low:high] - start)))
        start += batch.num_rows
    table = pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))
    return Vectors(
        pc.fill_null(table["n_tokens"], -1).to_numpy(),
        pc.fill_null(table["n_unknown"], -1).to_numpy(),
        table["truncated"].to_numpy(),
        table["norm"].to_numpy(),
        vector_rows(table[EMBEDDING]),
    )


def _without_refused(documents: pa.Table, vectors: Vectors) -> tuple[pa.Table, Vectors, pa.Table]:
    usable = np.isfinite(vectors.embedding).all(axis=1) & (vectors.norm > 0)
    if usable.all():
        return documents, vectors, documents.slice(0, 0)
    kept = Vectors(*(getattr(vectors, name)[usable] for name in Vectors.__dataclass_fields__))
    return documents.filter(pa.array(usable)), kept, documents.filter(pa.array(~usable))


def _refused_rows(documents: pa.Table) -> pa.Table:
    return pa.table(
        {
            "doc_id": documents["doc_id"],
            "text_hash": documents["text_hash"],
            "excerpt": pc.utf8_slice_codeunits(documents["text"], 0, 200),
        }
    )


def _create_shard(workspace: Workspace, corpus: CorpusStore, documents: pa.Table, vectors: Vectors, key: str) -> None:
    table = _shard_table(documents, vectors, keep_text=workspace.config.source.keep_text)
    local = workspace.folder("shards") / key.rsplit("/", 1)[-1]
    write_shard(local, table)
    corpus.files.create_from(key, local)
    local.unlink()


def _shard_table(documents: pa.Table, vectors: Vectors, *, keep_text: bool) -> pa.Table:
    rows = documents.num_rows
    columns: dict[str, Any] = {
        "doc_id": documents["doc_id"],
        "text": documents["text"] if keep_text else pa.nulls(rows, pa.string()),
        "text_hash": documents["text_hash"],
        "metadata_hash": documents["metadata_hash"],
        "n_tokens": pa.array(vectors.n_tokens, mask=vectors.n_tokens < 0),
        "n_unknown": pa.array(vectors.n_unknown, mask=vectors.n_unknown < 0),
        "truncated": pa.array(vectors.truncated),
        "norm": pa.array(vectors.norm),
        "metadata": documents["metadata"],
        EMBEDDING: vector_array(vectors.embedding),
    }
    chunked = is_chunked(documents.column_names)
    if chunked:
        columns |= {field.name: documents[field.name] for field in CHUNK_PLACE}
    counted = bool((vectors.n_tokens >= 0).all())
    target = schema(vectors.embedding.shape[1], chunked=chunked, counted=counted)
    return pa.table([_cast(columns[field.name], field) for field in target], schema=target)


def _cast(column: Any, field: pa.Field) -> Any:
    return column if column.type == field.type else column.cast(field.type)
