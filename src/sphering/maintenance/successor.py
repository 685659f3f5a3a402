"""A release made again over another snapshot, from its own configuration and without its source."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from sphering.config.model import Config
from sphering.errors import NotFoundError
from sphering.evaluation.keep import read, without
from sphering.run.assemble import assemble_release
from sphering.run.commit import Committed
from sphering.run.finish import finish
from sphering.run.fit import read_transform, settle_transform
from sphering.run.workspace import Workspace, new_run_id
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.manifest import SnapshotManifest
from sphering.store.release import Release

PURPOSE = "purge"


def check_makeable(corpus: CorpusStore, release: Release) -> None:
    """Read what a successor of a release is made from beside its snapshot.

    Raises
    ------
    SpheringError
        If its configuration, its transform, its report or its evaluation is not there, or not as it was written.
    """
    _config(corpus, release)
    read_transform(corpus, release.transform)
    evaluation = _evaluation(corpus, release)
    if evaluation is not None:
        read(corpus, evaluation)


def make_successor(corpus: CorpusStore, release: Release, manifest: SnapshotManifest, tombstone: str) -> Release:
    """Make the release of a snapshot that stands in for another: same transform, evaluation, exports and gates.

    Its run's record names the tombstone of what it does without. It has no base: what it would be measured against is
    about to go.

    Raises
    ------
    NotFoundError
        If no run of this encoder left the configuration to make it by.
    """
    config = _config(corpus, release)
    workspace = Workspace.create(corpus, new_run_id())
    path = workspace.path
    workspace.write("begin", _begun(corpus, release, manifest, config, tombstone))
    workspace.write("snapshot", asdict(Committed(manifest.id, "created", manifest.documents)))
    workspace.write("evaluation", {"evaluation": _without_erased(corpus, _evaluation(corpus, release), manifest)})
    settle_transform(path)
    made = corpus.release(assemble_release(path))
    workspace.write("published", {"status": "published" if made.passed else "held"})
    finish(path)
    return made


def _config(corpus: CorpusStore, release: Release) -> dict[str, Any]:
    """Return the configuration that made a release; where that run was killed, the newest one of its encoder."""
    own = corpus.run_record(release.run)
    records = [own] if own else corpus.newest_runs()
    for record in records:
        if record.get("encoder") == release.encoder and record.get("config"):
            # Without defaults: an export that sets what its format does not read is refused.
            config = Config.model_validate(record["config"]).model_dump(mode="json", exclude_defaults=True)
            return {**config, "store": corpus.files.where()}
    raise NotFoundError(
        f"no run left the configuration of the release {release.id}",
        expected="the record of a run of its encoder",
        where=corpus.layout.runs,
        remedy="run `sphering run` once, then purge",
    )


def _begun(
    corpus: CorpusStore, release: Release, manifest: SnapshotManifest, config: dict[str, Any], tombstone: str
) -> dict[str, Any]:
    return {
        "purpose": PURPOSE,
        "config": config,
        "base_folder": str(corpus.files.working()),
        "encoder": manifest.encoder,
        "backend": manifest.encoder_document.get("backend"),
        "encoder_document": manifest.encoder_document,
        "encoder_provenance": {},
        "selected": release.id,
        "tombstone": tombstone,
        "base": None,
        "published": None,
        "latest": None,
        "started_at": now(),
        "started": time.time(),
    }


def _without_erased(corpus: CorpusStore, evaluation: str | None, manifest: SnapshotManifest) -> str | None:
    """Return the evaluation without halves of texts that the snapshot that stands in does not have."""
    if evaluation is None:
        return None
    texts = corpus.snapshot(manifest.id).scan().select("text_hash").unique().collect()["text_hash"]
    return without(corpus, evaluation, texts.to_arrow().cast(pa.binary(32)))


def _evaluation(corpus: CorpusStore, release: Release) -> str | None:
    measured = read_document(corpus.files, corpus.layout.report(release.report))["evaluation"]
    return None if measured is None else str(measured["evaluation"])
