"""Settle the transform: keep the base's, or fit one on tonight's snapshot."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sphering.config.model import TransformConfig
from sphering.errors import IntegrityError
from sphering.geometry.gram import Array
from sphering.identity import short_id
from sphering.progress import current
from sphering.run.choose import choose_by_evaluation
from sphering.run.moments import raw_moments
from sphering.run.workspace import Workspace, timed
from sphering.store.corpus import CorpusStore
from sphering.store.refs import PUBLISHED
from sphering.store.release import Release
from sphering.transform.affine import ARRAY_NAMES, TRANSFORM_VERSION, Transform
from sphering.transform.choice import Choice
from sphering.transform.drift import drift
from sphering.transform.fit import fit
from sphering.transform.guard import check_moments

_JSON, _ARRAYS = "transform.json", "transform.safetensors"
_OF_EITHER_SIGN = ("matrix", "inverse")
_ROUNDING = 1e-6  # beyond what two processors differ by in sums and eigenvalues of float64, far below what drift counts
Json = dict[str, Any]
_PROVENANCE = {"refit", "max_drift"}


@dataclass(frozen=True)
class Settled:
    """The transform of a run and its SHA-256.

    `status` is `fitted` where this run made it, else `kept`; `drift` is None where it was not measured. `warnings` are
    those of the fit, whenever that was.
    """

    transform: str
    sha256: str
    status: str
    drift: float | None
    warnings: tuple[str, ...]


@timed("fit")
def settle_transform(path: Path) -> Settled:
    """Keep the base's transform or fit one, as `[transform] refit` says, and create it unless it exists.

    Raises
    ------
    IntegrityError
        If a killed run left arrays that are of no such fit.
    IdentityError
        If tonight's vectors cannot be of the encoder that the kept transform was fitted for.
    """
    workspace = Workspace(path)
    progress = current()
    progress.start("fit")
    settled = _kept(workspace) or _fitted(workspace)
    progress.finish("fit")
    workspace.write("transform", asdict(settled))
    return settled


def transform_id(config: TransformConfig, snapshot: str, judge: Json | None) -> str:
    """Return the id of a transform fitted on a snapshot; under `auto` also of what may have chosen it."""
    of = {"snapshot": snapshot, "transform": _identity_of(config), "judge": judge, "v": TRANSFORM_VERSION}
    return short_id(of)


def read_transform(corpus: CorpusStore, transform: str) -> Transform:
    """Return a stored transform, its bytes checked."""
    folder = corpus.layout.transform(transform)
    return Transform.from_files(corpus.files.read(f"{folder}/{_JSON}"), corpus.files.read(f"{folder}/{_ARRAYS}"))


def _identity_of(config: TransformConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=_PROVENANCE)


def _kept(workspace: Workspace) -> Settled | None:
    config, corpus, purpose = workspace.config.transform, workspace.corpus, workspace.begun["purpose"]
    candidate = _candidate(workspace)
    if candidate is None or purpose in ("fit", "refit") or (purpose == "run" and config.refit == "always"):
        return None
    transform = read_transform(corpus, candidate.transform)
    # What is exported later is exported under the transform of the release that it is exported from.
    if purpose != "run":
        return _settled(candidate.transform, transform, "kept")
    # Another evaluation alone refits nothing: what chose it then is compared.
    if transform_id(config, transform.fitted_on, _judge_of(transform)) != candidate.transform:
        return None
    if candidate.snapshot == workspace.read("snapshot")["snapshot"]:
        return _settled(candidate.transform, transform, "kept")
    moments = raw_moments(workspace, config.weights)
    moved = drift(transform, moments) if config.refit == "drift" else None
    if moved is not None and moved > config.max_drift:
        return None
    check_moments(transform, moments)
    return _settled(candidate.transform, transform, "kept", moved)


def _settled(name: str, transform: Transform, status: str, moved: float | None = None) -> Settled:
    return Settled(name, transform.sha256, status, moved, transform.warnings)


def _candidate(workspace: Workspace) -> Release | None:
    """Return the release whose transform may be kept: the base, or the newest published one of this encoder."""
    corpus, encoder = workspace.corpus, workspace.begun["encoder"]
    base = workspace.begun["selected"] or workspace.begun["base"]
    if base is not None and corpus.release(base).encoder == encoder:
        return corpus.release(base)
    newest: tuple[str, Release] | None = None
    for channel in corpus.refs.channels():
        for value in reversed(corpus.refs.history(channel, PUBLISHED)):
            if not _has_transform(corpus, value.release):
                continue
            release = corpus.release(value.release)
            if release.encoder == encoder and (newest is None or value.at > newest[0]):
                newest = (value.at, release)
    return newest[1] if newest else None


def _has_transform(corpus: CorpusStore, release: str) -> bool:
    """Return whether a release that a ref once named is there with its transform, and not collected."""
    return corpus.has_release(release) and _exists(corpus, corpus.release(release).transform)


def _fitted(workspace: Workspace) -> Settled:
    config, corpus = workspace.config.transform, workspace.corpus
    snapshot = workspace.read("snapshot")["snapshot"]
    name = transform_id(config, snapshot, _judge(workspace))
    status = "kept" if _exists(corpus, name) else "fitted"
    if status == "fitted":
        _create(corpus, name, _fit(workspace, snapshot))
    return _settled(name, read_transform(corpus, name), status)


def _fit(workspace: Workspace, snapshot: str) -> Transform:
    """Return the transform that is configured, or that an evaluation chooses, fitted on tonight's snapshot."""
    config, encoder = workspace.config.transform, workspace.begun["encoder"]
    moments = raw_moments(workspace, weights=config.weights)
    if config.kind != "auto":
        return fit(config, moments, encoder=encoder, snapshot=snapshot)
    chosen = choose_by_evaluation(workspace)
    if isinstance(chosen, Choice):
        transform, document = fit(chosen.config, moments, encoder=encoder, snapshot=snapshot), chosen.document
    else:
        transform = fit(config, moments, encoder=encoder, snapshot=snapshot)
        document = {**(transform.choice or {}), "reason": chosen}
    return replace(transform, choice={**document, **(_judge(workspace) or {"evaluation": None})})


def _judge(workspace: Workspace) -> Json | None:
    """Return what may choose the transform: the evaluation, and which texts it is put to; None without one."""
    if workspace.config.transform.kind != "auto":
        return None
    evaluation, report = workspace.read("evaluation")["evaluation"], workspace.config.report
    return evaluation and {"evaluation": evaluation, "sample": report.sample, "seed": report.seed}


def _judge_of(transform: Transform) -> Json | None:
    """Return what may have chosen a transform, as `_judge` has it."""
    choice = transform.choice or {}
    return {name: choice[name] for name in ("evaluation", "sample", "seed")} if choice.get("evaluation") else None


def _exists(corpus: CorpusStore, transform: str) -> bool:
    return corpus.files.exists(f"{corpus.layout.transform(transform)}/{_JSON}")


def _create(corpus: CorpusStore, name: str, transform: Transform) -> None:
    """Create the arrays, then the JSON that names their SHA-256.

    The first created arrays win: where a killed run left some, its JSON is made of them. They are whole, but another
    processor may have rounded them in another way.
    """
    folder = corpus.layout.transform(name)
    corpus.files.create(f"{folder}/{_ARRAYS}", transform.to_files()[_ARRAYS])
    stored = corpus.files.read(f"{folder}/{_ARRAYS}")
    files = _with_arrays(transform, stored).to_files()
    if files[_ARRAYS] != stored:
        raise IntegrityError(
            f"the transform {name} was begun by a killed run with other arrays",
            expected="those of the same snapshot and settings, but for their rounding",
            where=corpus.files.where(folder),
            remedy="remove that folder: no release names it",
        )
    corpus.files.create(f"{folder}/{_JSON}", files[_JSON])


def _with_arrays(transform: Transform, stored: bytes) -> Transform:
    """Return the transform with stored arrays in place of its own, or as it is where they are not of such a fit.

    An eigenvector's sign is the processor's choice, so the matrices are compared in their shapes alone.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found: dict[str, Any] = load(stored)
    except SafetensorError:
        return transform
    own = {name: array for name in ARRAY_NAMES if (array := getattr(transform, name)) is not None}
    alike = found.keys() == own.keys() and all(
        found[name].shape == own[name].shape and (name in _OF_EITHER_SIGN or _is_close(found[name], own[name]))
        for name in own
    )
    return replace(transform, **found) if alike else transform


def _is_close(found: Array, own: Array) -> bool:
    return bool(np.allclose(found, own, rtol=_ROUNDING, atol=_ROUNDING * float(np.abs(own).max(initial=0.0))))
