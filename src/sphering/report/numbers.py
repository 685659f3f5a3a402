"""Measure a snapshot: every number of report.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sphering.config.model import TEXTS, ReportConfig
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.moments import Moments
from sphering.report.catalogue import COUNTS
from sphering.report.changes import Base, changes_since
from sphering.report.counted import Counted, count_documents
from sphering.report.equal_vectors import EqualVectors
from sphering.report.identity import REPORT_VERSION
from sphering.report.label_geometry import label_geometry
from sphering.report.label_sums import Spaces
from sphering.report.labels import label_tables
from sphering.report.map import sample_map
from sphering.report.measured import Json, Over, number, whole_counts
from sphering.report.named_languages import name_languages
from sphering.report.norms import measure_norms
from sphering.report.sampled import measure_sample
from sphering.report.spaces import KnownMoments, rogue_json, space_metrics, space_moments, space_of, spectrum_json
from sphering.report.texts import text_metrics
from sphering.report.warnings import warnings_of
from sphering.store.snapshot import Sample, Snapshot
from sphering.transform.affine import Transform
from sphering.transform.drift import drift


def measure(
    snapshot: Snapshot,
    transform: Transform,
    config: ReportConfig,
    *,
    labels: Sequence[str] = (),
    base: Base | None = None,
    evaluation: Mapping[str, Any] | None = None,
    moments: KnownMoments | None = None,
) -> Json:
    """Return the geometry of a snapshot, raw and under a transform, as JSON values without a NaN.

    All documents for what moments say, exactly, and for texts, labels and equal vectors; pairs and neighbours on
    `config.sample` distinct texts.

    Parameters
    ----------
    labels : sequence of str
        The metadata columns whose labels' texts are measured apart.
    base : Base, optional
        What changes are measured against.
    evaluation : mapping, optional
        Retrieval metrics, taken over as they are.
    moments : KnownMoments, optional
        Where the caller has them: saves two passes.
    """
    known = moments or KnownMoments(space_moments(snapshot), space_moments(snapshot, transform))
    of_space = {"raw": known.raw, "transformed": known.transformed}
    spaces = {name: space_of(each, extended=config.extended) for name, each in of_space.items()}
    sample = _finite(snapshot.sample(config.sample))
    image, size = transform.apply(sample.vectors), snapshot.manifest.texts
    directions = {name: each.directions for name, each in spaces.items()} if config.extended else None
    pairs = measure_sample(sample, image, texts=size, seed=config.seed, extended=directions)
    norms, quantiles = measure_norms(snapshot, known.raw.norm_range)
    counted = count_documents(snapshot, labels, Spaces(transform, config.extended))
    texts, tables = _texts(snapshot, counted, config.seed)
    report: Json = {
        "version": REPORT_VERSION,
        "snapshot": _snapshot_json(snapshot),
        "transform": _transform_json(transform, known.fitted_on or known.raw),
        "sample": {"texts": len(sample.doc_ids), "of": size, "seed": config.seed},
        "raw": whole_counts({**space_metrics(spaces["raw"]), **quantiles, **pairs.raw}, COUNTS),
        "transformed": whole_counts({**space_metrics(spaces["transformed"]), **pairs.transformed}, COUNTS),
        "texts": texts,
        "labels": tables,
        "label_geometry": label_geometry(snapshot, counted, pairs.texts, of_space, extended=config.extended),
        "spectrum": {name: spectrum_json(each) for name, each in spaces.items()},
        "angles": pairs.angles,
        "k_occurrence": pairs.k_occurrence,
        "map": sample_map(snapshot, sample, image, spaces, labels),
        "rogue_dimensions": {name: rogue_json(each) for name, each in spaces.items()},
        "norms": {"raw": norms},
        "evaluation": None if evaluation is None else dict(evaluation),
    }
    report["base"] = None if base is None else changes_since(base, snapshot, report)
    report["warnings"] = warnings_of(report)
    return report


def _texts(snapshot: Snapshot, counted: Counted, seed: int) -> tuple[dict[str, Json], dict[str, list[Json]]]:
    """Return what is counted of all texts, and of those of each label, with the languages that the encoder lacks."""
    equal = EqualVectors(counted)
    metrics = {**text_metrics(snapshot.manifest, counted), **equal.metrics(snapshot.manifest.texts)}
    texts, tables = whole_counts(metrics, COUNTS), label_tables(counted, equal)
    name_languages(snapshot, counted, texts, tables, seed)
    return texts, tables


def _finite(sample: Sample) -> Sample:
    """Return the sample without rows that are not finite: they have no neighbours, and no image."""
    kept = np.asarray(np.isfinite(sample.vectors).all(axis=1))
    if kept.all():
        return sample
    names = [name for name, keep in zip(sample.doc_ids, kept, strict=True) if keep]
    return Sample(names, sample.text_hashes[kept], sample.vectors[kept], sample.shards[kept], sample.rows[kept])


def _snapshot_json(snapshot: Snapshot) -> Json:
    manifest = snapshot.manifest
    return {
        "id": manifest.id,
        "corpus": manifest.corpus,
        "encoder": manifest.encoder,
        "dimension": manifest.dimension,
        "content_digest": manifest.content_digest,
        "created_at": manifest.created_at,
    }


def _transform_json(transform: Transform, moments: Moments) -> Json:
    return {
        "sha256": transform.sha256,
        "kind": transform.kind,
        "parameters": transform.parameters,
        "fitted_on": transform.fitted_on,
        "n": transform.n,
        "effective_n": transform.effective_n,
        "shrinkage": transform.shrinkage,
        "rank": transform.rank,
        "dimension_in": transform.dimension_in,
        "dimension_out": transform.dimension_out,
        "dead_coordinates": list(transform.dead),
        "warnings": list(transform.warnings),
        "choice": transform.choice,
        "drift": number(_drift(transform, moments), _over(transform)),
    }


def _over(transform: Transform) -> Over:
    return "texts" if transform.parameters.get("weights") == TEXTS else "documents"


def _drift(transform: Transform, moments: Moments) -> Estimate:
    if moments.n == 0:
        return undefined("no usable vector")
    value = drift(transform, moments)
    if not math.isfinite(value):
        return undefined("the vectors that the transform was fitted on have no variance", moments.n)
    return exact(value, moments.n)
