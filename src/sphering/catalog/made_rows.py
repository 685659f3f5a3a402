"""Rows of what is made from documents and models: snapshots with their shards, encoders, transforms, evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sphering.catalog.row import Row, Tables, picked
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_sealed
from sphering.store.manifest import SnapshotManifest
from sphering.store.release import Release

_SNAPSHOT_COLUMNS = (
    "id",
    "encoder",
    "dimension",
    "content_digest",
    "documents",
    "texts",
    "tokens",
    "unknown",
    "truncated",
    "keep_text",
    "created_at",
    "run",
    "chunk",
)
_ENCODER_COLUMNS = ("kind", "backend", "precision", "max_length", "document_prompt")
_TRANSFORM_COLUMNS = (
    "kind",
    "encoder",
    "fitted_on",
    "n",
    "rank",
    "dimension_in",
    "dimension_out",
    "parameters",
    "sha256",
)
_EVALUATION_COLUMNS = (
    "encoder",
    "dimension",
    "queries",
    "judgements",
    "pairs",
    "halves",
    "labels",
    "query_prompt",
    "data",
)
_PARTS = {"queries": "queries", "judgements": "queries", "pairs": "pairs", "halves": "halves"}


def made_rows(corpus: CorpusStore, releases: Sequence[Release]) -> Tables:
    """Return the rows of the tables snapshots, shards, encoders, transforms and evaluations."""
    manifests = [corpus.manifest(name) for name in corpus.snapshot_ids()]
    layout = corpus.layout
    transforms = {name: f"{layout.transform(name)}/transform.json" for name in corpus.files.children(layout.transforms)}
    evaluations = {name: layout.evaluation_manifest(name) for name in corpus.files.children(layout.evaluations)}
    return {
        "snapshots": [picked(corpus.name, vars(manifest), _SNAPSHOT_COLUMNS) for manifest in manifests],
        "shards": [row for manifest in manifests for row in _shards(corpus.name, manifest)],
        "encoders": _encoders(corpus.name, manifests, releases),
        "transforms": _documents(corpus, transforms, _TRANSFORM_COLUMNS),
        "evaluations": [
            _evaluation(corpus, name, key) for name, key in evaluations.items() if corpus.files.exists(key)
        ],
    }


def _shards(corpus: str, manifest: SnapshotManifest) -> list[Row]:
    place = {"corpus": corpus, "snapshot": manifest.id, "encoder": manifest.encoder}
    return [{**place, "position": position, **entry.to_json()} for position, entry in enumerate(manifest.shards)]


def _encoders(corpus: str, manifests: Sequence[SnapshotManifest], releases: Sequence[Release]) -> list[Row]:
    """Return one row an encoder; a model's name is no part of its identity, so the newest release tells it."""
    of_encoder = {manifest.encoder: manifest for manifest in manifests}
    newest = sorted(releases, key=lambda release: (release.created_at, release.id))
    models = {release.encoder: release.encoder_config.get("model") for release in newest}
    return [
        {
            **picked(corpus, manifest.encoder_document, _ENCODER_COLUMNS),
            "id": encoder,
            "model": models.get(encoder),
            "dimension": manifest.dimension,
            "identity": manifest.encoder_document,
        }
        for encoder, manifest in sorted(of_encoder.items())
    ]


def _evaluation(corpus: CorpusStore, name: str, key: str) -> Row:
    """Return the row of an evaluation: what each of its kinds has."""
    document = read_sealed(corpus.files, key)
    parts = document.get("parts", {})
    counts = {count: parts.get(kind, {}).get(count) for count, kind in _PARTS.items()} if parts else {}
    labels = parts.get("labels", {}).get("column")
    return {**picked(corpus.name, {**document, **counts, "labels": labels}, _EVALUATION_COLUMNS), "id": name}


def _documents(corpus: CorpusStore, keys: Mapping[str, str], columns: Sequence[str]) -> list[Row]:
    """Return one row for each document that is there; a killed run may have left a folder without one.

    They are read with their seals: that of a transform is its SHA-256.
    """
    return [
        {**picked(corpus.name, read_sealed(corpus.files, key), columns), "id": name}
        for name, key in keys.items()
        if corpus.files.exists(key)
    ]
