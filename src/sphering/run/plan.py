"""`sphering plan`: what a run would do, found out without writing to the store."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphering.config.model import Config
from sphering.encoder.protocol import Encoded, EncoderIdentity
from sphering.run.begin import begun, check, settle_encoder
from sphering.run.check_exports import check_documents, check_tables
from sphering.run.encoder_change import change_words
from sphering.run.evaluate import texts_to_encode
from sphering.run.ingest import ingest, staged_of, staged_rows
from sphering.run.relabelled import relabelled_warnings
from sphering.run.units import plan_units
from sphering.run.workspace import Workspace
from sphering.source.rows import row_batches
from sphering.store.corpus import CorpusStore
from sphering.store.store import Store

_SAMPLE = 128


@dataclass(frozen=True)
class _Pace:
    """What encoding a text takes, seconds and, where a server bills them, tokens; and where that is known from.

    `warning` says how many of the texts that were encoded for it are longer than the encoder reads; `dimension` is the
    encoder's, where it is known.
    """

    texts_per_second: float | None
    tokens_a_text: float | None
    origin: str
    warning: str | None = None
    dimension: int | None = None


def plan(config: Config) -> dict[str, Any]:
    """Return what a run of this configuration would read, encode, reuse and write, and about how long it would take.

    The source is read and compared as a run does it, in a temporary folder outside the store. Where no earlier run
    tells the encoder's rate, 128 texts are encoded to measure it.

    Raises
    ------
    SpheringError
        If a run of this configuration would be refused before it encodes anything.
    """
    check(config)
    corpus = Store.open_or_plan(config.store, single_writer=config.single_writer).corpus(config.corpus)
    encoder = settle_encoder(config.encoder, corpus, pin=False)
    with tempfile.TemporaryDirectory(prefix="sphering-plan-") as folder:
        workspace = Workspace(Path(folder))
        workspace.write("begin", begun(config, corpus, encoder))
        return _plan(workspace, encoder)


def _plan(workspace: Workspace, encoder: EncoderIdentity) -> dict[str, Any]:
    config, corpus = workspace.config, workspace.corpus
    ingested = ingest(workspace.path)
    units = plan_units(workspace.path)
    pace = (
        _pace(workspace, corpus, encoder)
        if units.encode
        else _Pace(None, None, "nothing to encode", dimension=_dimension(corpus, encoder))
    )
    if pace.dimension is not None:
        check_tables(config, pace.dimension)
        check_documents(workspace, pace.dimension)
    rate = pace.texts_per_second
    billed = None if pace.tokens_a_text is None else round(units.encode * pace.tokens_a_text)
    staged = staged_of(workspace)
    return {
        "corpus": config.corpus,
        "store": config.store,
        "encoder": encoder.id,
        "backend": encoder.backend,
        "backend_reason": encoder.provenance["backend_reason"],
        "rows_read": ingested.rows_read,
        "source_documents": ingested.source_documents,
        "chunks": ingested.chunks,
        "documents": ingested.documents,
        "carried": ingested.carried,
        "deleted": ingested.deleted,
        "texts": staged.texts,
        "quarantined": ingested.quarantined,
        "reasons": dict(staged.reasons),
        "duplicates": ingested.duplicates,
        "encode": units.encode,
        "evaluation_encode": texts_to_encode(workspace),
        "reuse": units.reuse,
        "unchanged": units.unchanged,
        "removed": units.removed,
        "units": units.count,
        "exports": [{"name": entry.name, "format": entry.format} for entry in config.export],
        "gates": [gate.to_json() for gate in ingested.gates],
        "passed": ingested.passed,
        "warnings": [
            *_encoder_warnings(workspace),
            *relabelled_warnings(workspace),
            *_kept_text_warnings(workspace),
            *([pace.warning] if pace.warning else []),
        ],
        "seconds": round(units.encode / rate, 1) if rate else 0.0,
        "texts_per_second": round(rate, 1) if rate else None,
        "rate_from": pace.origin,
        "billed_tokens": billed,
        "cost": None if billed is None else config.encoder.cost(billed),
    }


def _encoder_warnings(workspace: Workspace) -> list[str]:
    change = workspace.begun["encoder_change"]
    return [change_words(change)] if change else []


def _kept_text_warnings(workspace: Workspace) -> list[str]:
    """Return a warning where texts are to be left out, and earlier snapshots have them."""
    if workspace.config.source.keep_text:
        return []
    corpus = workspace.corpus
    kept = sum(corpus.manifest(name).keep_text for name in corpus.snapshot_ids())
    if not kept:
        return []
    return [
        f"keep_text = false, and {kept} snapshots of this corpus keep their texts: `sphering gc` removes them when "
        "nothing names them any more. The same documents are the same snapshot, with its texts, until one changes"
    ]


def _pace(workspace: Workspace, corpus: CorpusStore, encoder: EncoderIdentity) -> _Pace:
    for record in corpus.newest_runs():
        seconds, encoded = record.get("timings", {}).get("embed", 0), record.get("encoded")
        if record.get("encoder") == encoder.id and encoded and seconds:
            billed = _each(record.get("billed_tokens"), encoded)
            return _Pace(encoded / seconds, billed, f"run {record['run']}", dimension=_dimension(corpus, encoder))
    return _measured_pace(workspace, encoder)


def _measured_pace(workspace: Workspace, encoder: EncoderIdentity) -> _Pace:
    from sphering.encoder import open_encoder

    opened = open_encoder(encoder, workspace.config.encoder)
    texts = _some_texts(staged_rows(workspace))
    opened.encode(texts[:8], "document")
    started = time.perf_counter()
    encoded = opened.encode(texts, "document")
    rate = len(texts) / (time.perf_counter() - started)
    billed = _each(encoded.billed_tokens, len(texts))
    cut = _truncation(encoded, opened.max_length)
    return _Pace(rate, billed, f"measured on {len(texts)} texts", cut, opened.dimension)


def _dimension(corpus: CorpusStore, encoder: EncoderIdentity) -> int | None:
    """Return the encoder's dimension by a snapshot that it has made; None where there is none."""
    manifests = (corpus.manifest(name) for name in corpus.snapshot_ids())
    return next((found.dimension for found in manifests if found.encoder == encoder.id), None)


def _truncation(encoded: Encoded, max_length: int | None) -> str | None:
    cut, texts = int(encoded.truncated.sum()), len(encoded.truncated)
    if not cut:
        return None
    return (
        f"{cut} of the {texts} texts measured are longer than the {max_length} tokens that the encoder reads: their "
        "ends would be in no vector. [chunk] cuts long texts so that all of them is read"
    )


def _each(tokens: int | None, texts: int) -> float | None:
    return None if tokens is None else tokens / texts


def _some_texts(rows: Path) -> list[str]:
    """Return up to 128 texts of staged rows, of which some may have none."""
    batches = (batch.column(0).drop_null() for batch in row_batches(rows, ["text"]))
    texts: list[str] = next(texts[:_SAMPLE].to_pylist() for texts in batches if len(texts))
    return texts
