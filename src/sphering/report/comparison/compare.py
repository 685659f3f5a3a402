"""Compare two releases: every number of `sphering compare`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.differing import differing
from sphering.geometry.moments import Moments
from sphering.progress import current
from sphering.report.changed_documents import changed_documents
from sphering.report.comparison.deltas import deltas
from sphering.report.comparison.drifted import classifier_metric, drift_metrics
from sphering.report.comparison.evaluations import Digests, evaluations
from sphering.report.comparison.same_texts import equality, same_text_metrics
from sphering.report.comparison.texts import ComparedTexts, Vectors, compare_texts
from sphering.report.comparison.words import sentences, verdict
from sphering.report.measured import Json
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

SAMPLE = 5_000
PAIRS = 2_000
SEED = 0
_UNCHANGED = ("unchanged", "relabelled", "moved")


@dataclass(frozen=True)
class Side:
    """One of the two releases, or a snapshot that no release was made of.

    Parameters
    ----------
    snapshot : Snapshot
    release : str or None
        The release's id.
    transform : Transform or None
    report : mapping or None
        report.json; None, as the transform, without a release.
    max_drift : float or None
        Of the run that made it.
    moments : callable
        Returns the moments of its documents under a transform, or raw. Called where they are needed alone.
    evaluated : mapping
        The digest of what each kind of the report's evaluation was read from; empty where that is not known.
    """

    snapshot: Snapshot
    release: str | None
    transform: Transform | None
    report: Mapping[str, Any] | None
    max_drift: float | None
    moments: Callable[[Transform | None], Moments]
    evaluated: Digests = field(default_factory=dict)


def compare(a: Side, b: Side, *, sample: int = SAMPLE, seed: int = SEED) -> Json:
    """Return how the geometry of the second release differs from the first's, as JSON values without a NaN.

    In a space in which a text has the same vector on both sides (raw under one encoder, exported under one transform
    too) documents are compared: their drift. In any other, the vectors of common texts.

    Parameters
    ----------
    sample : int
        Common texts, those with the smallest hashes, that are compared; of pairs and by the classifier at most 2,000.
    seed : int
        Of the classifier's folds, and of the lot that says what chance gives.
    """
    same_encoder = a.snapshot.manifest.encoder == b.snapshot.manifest.encoder
    progress = current()
    progress.start("documents")
    changes = changed_documents(a.snapshot, b.snapshot)
    texts = compare_texts(a.snapshot, b.snapshot, shared=sample, strangers=min(sample, PAIRS) if same_encoder else 0)
    progress.finish("documents")
    progress.start("vectors")
    spaces = {"raw": _space(a, b, texts, changes, raw=True, seed=seed)}
    missing = [side for side, each in (("a", a), ("b", b)) if each.transform is None]
    if not missing:
        spaces["transformed"] = _space(a, b, texts, changes, raw=False, seed=seed)
    progress.finish("vectors")
    found: Json = {
        "a": _named(a),
        "b": _named(b),
        "same_encoder": same_encoder,
        "same_transform": None if missing else _same_transform(a, b),
        "encoder": differing(a.snapshot.manifest.encoder_document, b.snapshot.manifest.encoder_document),
        "changes": changes,
        "texts": {"a": texts.a, "b": texts.b, "common": texts.common},
        "sample": {"texts": len(texts.shared[0]), "of": texts.common, "pairs_of": _pair_rows(texts), "seed": seed},
        "max_drift": _max_drift(a, b),
        "raw": spaces["raw"],
        "transformed": spaces.get("transformed"),
        **_reports(a, b),
        "reason": f"no release was made of {' and '.join(missing)}: there is no report" if missing else None,
    }
    found["verdict"] = verdict(found)
    found["sentences"] = sentences(found)
    return found


def _reports(a: Side, b: Side) -> Json:
    """Return how the numbers of the two reports changed, and whether they were evaluated on the same."""
    if a.report is None or b.report is None:
        return {"metrics": None, "evaluation": None}
    evaluation = evaluations(a.report, b.report, (a.evaluated, b.evaluated))
    return {"metrics": deltas(a.report, b.report), "evaluation": evaluation}


def _named(side: Side) -> Json:
    manifest, transform = side.snapshot.manifest, side.transform
    return {
        "snapshot": manifest.id,
        "release": side.release,
        "encoder": manifest.encoder,
        "dimension": manifest.dimension,
        "documents": manifest.documents,
        "transform": None if transform is None else {"kind": transform.kind, "sha256": transform.sha256},
    }


def _same_transform(a: Side, b: Side) -> bool:
    return a.transform is not None and b.transform is not None and a.transform.sha256 == b.transform.sha256


def _max_drift(a: Side, b: Side) -> float | None:
    return b.max_drift if b.max_drift is not None else a.max_drift


def _pair_rows(texts: ComparedTexts) -> int:
    return min(len(texts.shared[0]), PAIRS)


def _space(a: Side, b: Side, texts: ComparedTexts, changes: Mapping[str, int], *, raw: bool, seed: int) -> Json:
    """Compare the two sides in one space."""
    transforms = (None, None) if raw else (a.transform, b.transform)
    same = a.snapshot.manifest.encoder == b.snapshot.manifest.encoder and (raw or _same_transform(a, b))
    images = [_image(rows, by) for rows, by in zip(texts.shared, transforms, strict=True)]
    kept = np.flatnonzero(_usable(images[0]) & _usable(images[1]))
    left, right = (image[kept] for image in images)
    whole = len(images[0]) == texts.common
    found: Json = {"same_vectors": same, "metrics": {}, "thresholds": []}
    if same:
        found["metrics"] = {
            **equality(left, right, whole=whole, seed=seed),
            **_drift(a, b, texts, changes, transforms[0], seed=seed),
        }
    else:
        found["metrics"], found["thresholds"] = same_text_metrics(left, right, pairs=PAIRS, whole=whole, seed=seed)
    return found


def _drift(
    a: Side, b: Side, texts: ComparedTexts, changes: Mapping[str, int], transform: Transform | None, *, seed: int
) -> dict[str, Json]:
    shared = sum(changes[name] for name in _UNCHANGED)
    strangers = texts.strangers
    sides = (texts.shared[0][:0],) * 2 if strangers is None else (strangers.own, strangers.others)
    own, others = (image[_usable(image)] for image in (_image(rows, transform) for rows in sides))
    return {
        **drift_metrics(a.moments(transform), b.moments(transform), shared, _max_drift(a, b)),
        "domain_auc": classifier_metric(strangers, own, others, seed),
    }


def _image(rows: Vectors, transform: Transform | None) -> Vectors:
    """Return vectors as they are or under a transform; what is not finite stays so."""
    if transform is None:
        return rows
    finite = np.isfinite(rows).all(axis=1)
    image = np.full((len(rows), transform.dimension_out), np.nan, np.float32)
    image[finite] = transform.apply(rows[finite])
    return image


def _usable(rows: Vectors) -> NDArray[np.bool_]:
    """Return which rows are finite and have a direction."""
    return np.asarray(np.isfinite(rows).all(axis=1) & rows.any(axis=1))
