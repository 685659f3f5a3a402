"""Keep the evaluation: each of its texts is encoded once, whatever night it comes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering.encoder.protocol import Encoder
from sphering.evaluation.keep import Evaluation, Kept, keep, queries_id, read, read_parts, to_encode
from sphering.evaluation.kind import Documents
from sphering.run.database import tonights_snapshot
from sphering.run.embed import opened_encoder
from sphering.run.ingest import staged_documents, staged_rows
from sphering.run.workspace import Workspace, timed
from sphering.source.rows import row_batches
from sphering.store.documents import read_document
from sphering.store.snapshot import Snapshot

_TEXT = ["text_hash", "text"]
_ROWS = 1024


@timed("evaluate")
def evaluate(path: Path) -> Kept | None:
    """Keep the configured evaluation with its vectors; return what was kept, or None where there is none.

    It needs the snapshot, whose texts it may cut in halves, and nothing that comes after it.
    """
    workspace = Workspace(path)
    config = workspace.config
    if config.evaluation is None:
        workspace.write("evaluation", {"evaluation": None})
        return None
    snapshot = tonights_snapshot(workspace)
    parts = read_parts(config.evaluation, config.normalise, documents_of(snapshot))

    def encoder() -> Encoder:
        return opened_encoder(workspace)

    kept = keep(workspace.corpus, parts, config, snapshot.manifest, encoder)
    workspace.write("evaluation", {"evaluation": kept.evaluation, "encoded": kept.encoded, "reused": kept.reused})
    return kept


def texts_to_encode(workspace: Workspace) -> int | None:
    """Return how many texts the evaluation would encode after the staged documents became a snapshot; None without one.

    Texts that the encoder is going to refuse are not known yet.
    """
    config = workspace.config
    if config.evaluation is None:
        return None
    parts = read_parts(config.evaluation, config.normalise, _staged(workspace))
    return to_encode(workspace.corpus, parts, config, workspace.begun["encoder"])


def kept_evaluation(workspace: Workspace) -> Evaluation | None:
    """Return the evaluation of this run, or None."""
    name = workspace.read("evaluation")["evaluation"]
    return read(workspace.corpus, name) if name else None


def evaluated_queries(workspace: Workspace) -> str | None:
    """Return the id of the evaluation's queries alone, or None: other kinds say nothing of an index."""
    name = workspace.read("evaluation")["evaluation"]
    corpus = workspace.corpus
    return queries_id(read_document(corpus.files, corpus.layout.evaluation_manifest(name))) if name else None


def documents_of(snapshot: Snapshot) -> Documents:
    """Return the texts of a snapshot, a part a shard: its rows stand in the order of their hashes."""

    def parts() -> Iterator[Iterator[pa.RecordBatch]]:
        for position in range(len(snapshot.paths)):
            yield snapshot.shard_batches(position, _TEXT, _ROWS)

    return parts


def _staged(workspace: Workspace) -> Documents:
    """Return the texts of the documents that were staged, a part a batch."""

    def parts() -> Iterator[list[pa.RecordBatch]]:
        documents = pq.read_table(staged_documents(workspace), columns=["staged_at", "text_hash"]).sort_by("staged_at")
        places = documents["staged_at"].to_numpy()
        for batch in row_batches(staged_rows(workspace), ["staged_at", "text"]):
            rows = np.searchsorted(places, batch["staged_at"].to_numpy())
            own = np.flatnonzero(places.take(rows, mode="clip") == batch["staged_at"].to_numpy())
            hashes = documents["text_hash"].take(pa.array(rows[own])).combine_chunks().cast(pa.binary())
            texts = batch["text"].take(pa.array(own))
            order = pc.sort_indices(hashes)
            yield [pa.record_batch([hashes.take(order), texts.take(order)], names=_TEXT)] if len(own) else []

    return parts
