"""The first step: open the store, settle the encoder, read where the refs stand."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from sphering.config.encoder import EncoderConfig
from sphering.config.model import Config
from sphering.config.unused import check_settings
from sphering.encoder.kind import Resolution
from sphering.encoder.protocol import EncoderIdentity
from sphering.errors import IdentityError, NotFoundError
from sphering.identity import short_id
from sphering.run import lease
from sphering.run.carry import starting_release
from sphering.run.chunking import open_chunker
from sphering.run.cluster import check_cluster
from sphering.run.encoder_change import check_not_left, encoder_change
from sphering.run.parcel import remove_dead_parcels
from sphering.run.parity import check_kept_parity
from sphering.run.workspace import Workspace, new_run_id
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document
from sphering.store.lease import check_free
from sphering.store.refs import LATEST, PUBLISHED, RefValue
from sphering.store.store import Store

Purpose = Literal["run", "embed", "fit", "refit", "export"]
PUBLISHING: Final = ("run", "refit")
"""The purposes that end in publishing."""
_OVER_A_RELEASE: Final = ("fit", "refit", "export")


def begin(config: Config, purpose: Purpose = "run", selector: str | None = None) -> Path:
    """Begin a run and return its workspace.

    Parameters
    ----------
    purpose : {"run", "embed", "fit", "refit", "export"}
        `run` goes from source to publishing, `embed` ends with the snapshot; `fit` and `export` make a release of
        the snapshot that `selector` names, `refit` publishes one with a new transform.
    selector : str, optional
        A release: an id, a prefix or a ref; for `fit`, `refit` and `export` only, by default the channel's `latest`.

    Raises
    ------
    LeaseHeldError
        If something else works on the corpus, and `[run] wait` is off.
    SpheringError
        If the configuration cannot be worked here: no store, model or snapshot.
    """
    check(config, purpose)
    corpus = Store.create(config.store, single_writer=config.single_writer).corpus(config.corpus)
    encoder = settle_encoder(config.encoder, corpus, pin=True)
    check_kept_parity(corpus, encoder.id, config.encoder.least_cosine)
    run = new_run_id()
    taken = lease.take(corpus, run, wait=config.run.wait)
    try:
        release = _selected(config, corpus, selector, encoder) if purpose in _OVER_A_RELEASE else None
        corpus.files.remove_dead_temporaries()
        remove_dead_parcels(corpus)
        workspace = Workspace.create(corpus, run)
        workspace.write("begin", begun(config, corpus, encoder, purpose=purpose, selected=release))
        lease.keep(workspace, taken)
    except BaseException:
        taken.release()
        raise
    return workspace.path


def check(config: Config, purpose: Purpose = "run") -> None:
    """Refuse what can be known to be wrong before anything is read, loaded or written.

    Raises
    ------
    ModelError
        If the model is not here.
    ClusterError, ExtraMissingError
        If a run for that purpose works units, and the runner is not installed, or its cluster cannot work for it.
    ConfigError
        If a setting of the transform does nothing, a gate bounds a number that no run measures, or chunks cannot be cut
        as configured.
    SourceError
        If a run for that purpose reads files, and they are not there.
    """
    from sphering.encoder import check_encoder
    from sphering.gate.names import check_names
    from sphering.source.finding import find_files

    check_settings(config)
    check_encoder(config.encoder)
    if purpose in ("run", "embed"):
        check_cluster(config.run)
        open_chunker(config)
    check_names(
        config.gate,
        [entry.name for entry in config.export],
        evaluated=config.evaluation is not None,
        labels=config.source.labels,
        extended=config.report.extended,
        place=lambda gate: config.place("gate", gate, "metric"),
    )
    if purpose in ("run", "embed") and config.source.path is not None:
        find_files(config.source, Path(config.base))


def check_store(config: Config) -> None:
    """Refuse what can be known of the store to be wrong, before a server is started for a run; nothing is written.

    Raises
    ------
    SpheringError
        If there is something else than a store, or one that cannot be worked with.
    LeaseHeldError
        If something else works on the corpus, and `[run] wait` is off.
    """
    corpus = Store.open_or_plan(config.store, single_writer=config.single_writer).corpus(config.corpus)
    if not config.run.wait:
        check_free(corpus.files, corpus.layout)


def begun(
    config: Config,
    corpus: CorpusStore,
    encoder: EncoderIdentity,
    *,
    purpose: Purpose = "run",
    selected: str | None = None,
) -> dict[str, Any]:
    """Return what the later steps of a run start from: configuration, encoder, and where the refs stand.

    Raises
    ------
    IdentityError
        If the run would take its channel back to an encoder that it has left.
    """
    channel = config.run.channel
    if purpose == "run" and not config.run.move_back:
        check_not_left(corpus, channel, encoder)
    published, latest = corpus.refs.read(channel, PUBLISHED), corpus.refs.read(channel, LATEST)
    return {
        "purpose": purpose,
        "config": config.given(),
        "base_folder": config.base,
        "encoder": encoder.id,
        "backend": encoder.backend,
        "encoder_document": encoder.document,
        "encoder_provenance": encoder.provenance,
        "encoder_change": encoder_change(corpus, published.release if published else None, encoder),
        "selected": selected,
        "base": published.release if published else None,
        "published": _ref_json(published),
        "latest": _ref_json(latest),
        "carried_from": starting_release(config, corpus),
        "started_at": now(),
        "started": time.time(),
    }


def settle_encoder(config: EncoderConfig, corpus: CorpusStore, *, pin: bool) -> EncoderIdentity:
    """Return the encoder's identity, `backend = "auto"` settled once for a model on a corpus.

    Parameters
    ----------
    pin : bool
        Write down what `auto` was resolved to; without it nothing is written.
    """
    from sphering.encoder import resolve_backend

    names = config.resolved_once
    if names is None:
        return _identified(config, resolve_backend(config))
    key = corpus.layout.pin(_pin_name(names))
    if pin and not corpus.files.exists(key):
        resolution = resolve_backend(config)
        content = {"model": config.name, "backend": resolution.backend, "reason": resolution.reason, "at": now()}
        create_document(corpus.files, key, content)
    try:
        pinned = read_document(corpus.files, key)
        return _identified(config, Resolution(pinned["backend"], pinned.get("reason", "pinned")))
    except NotFoundError:
        return _identified(config, resolve_backend(config))


def _identified(config: EncoderConfig, resolution: Resolution) -> EncoderIdentity:
    """Return the encoder's identity under a backend; the reason for that is provenance."""
    from sphering.encoder import identify

    identity = identify(config, resolution.backend)
    return replace(identity, provenance={**identity.provenance, "backend_reason": resolution.reason})


def _pin_name(names: tuple[str, ...]) -> str:
    readable = "".join(letter if letter.isalnum() else "-" for letter in names[0].rsplit("/", 1)[-1])
    return f"{readable[:40]}-{short_id(list(names))[:8]}"


def _selected(config: Config, corpus: CorpusStore, selector: str | None, encoder: EncoderIdentity) -> str:
    release = corpus.find_release(selector or f"{config.run.channel}/{LATEST}")
    if release.encoder != encoder.id:
        raise IdentityError(
            f"the release {release.id} was made by encoder {release.encoder}, the configuration names {encoder.id}",
            expected="one encoder for the snapshot, its transform and its queries",
            remedy="use the configuration that made the release, or run `sphering run` with this one",
        )
    return release.id


def _ref_json(value: RefValue | None) -> dict[str, Any] | None:
    return value.to_json() if value else None
