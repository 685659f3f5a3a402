"""`sphering verify --reencode N`: whether the encoder still gives the vectors that a snapshot holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.encoder import EncoderConfig
from sphering.encoder.compute_profile import profile
from sphering.encoder.probe import cosine_distances, gives_its_probe, read_any_probe
from sphering.encoder.protocol import STEP, Encoder
from sphering.errors import InputError, IntegrityError
from sphering.maintenance.findings import Findings, Reencoded
from sphering.maintenance.verify import verify
from sphering.progress import current
from sphering.run.search import open_release_encoder
from sphering.store.corpus import CorpusStore
from sphering.store.release import Release
from sphering.store.snapshot import Snapshot

SEED = 0
KIND = "reencoded texts"
_NAMED = 5


@dataclass(frozen=True)
class _Sampled:
    """Distinct texts with their stored vectors, (n, d) float32, a document of each, and its place.

    `total` were drawn from.
    """

    texts: list[str]
    doc_ids: list[str]
    vectors: NDArray[np.float32]
    places: list[str]
    total: int


@dataclass(frozen=True)
class Unequal:
    """Documents whose vectors have other bits within `max_drift`, where each stands, and the encoder that says so."""

    encoder: Encoder
    doc_ids: list[str]
    places: list[str]


def check_reencodable(corpus: CorpusStore, release: Release) -> None:
    """Refuse, before anything is hashed, a snapshot of which no text can be encoded again.

    Raises
    ------
    InputError
        If it keeps no texts.
    """
    manifest = corpus.manifest(release.snapshot)
    if not manifest.keep_text:
        raise InputError(
            f"the texts of the snapshot {manifest.id} cannot be encoded again: it keeps none",
            expected="a snapshot that was made with [source] keep_text = true",
            where=str(corpus.files.path(corpus.layout.manifest(manifest.id))),
            remedy="verify without --reencode; each run compares the encoder with its probe in any case",
        )


def verify_and_reencode(corpus: CorpusStore, selector: str | None, release: Release | None, count: int) -> Findings:
    """Return what `verify` finds and, where all is sound, what a sample of a release's texts gives, encoded again.

    Parameters
    ----------
    selector : str, optional
        What is verified; by default all that the corpus has.
    release : Release, optional
        Whose texts are encoded again; none are without it.
    count : int
        How many distinct texts of it.

    Raises
    ------
    NotFoundError
        If nothing goes by the selector.
    IdentityError
        If the model on this machine is not the one that the release was made with.
    """
    findings = verify(corpus, selector)
    if release is not None and findings.sound:
        check_bits(findings, corpus, release, reencode(findings, corpus, release, count))
    return findings


def reencode(findings: Findings, corpus: CorpusStore, release: Release, count: int, seed: int = SEED) -> Unequal:
    """Encode a sample of a release's distinct texts again and note how the vectors stand to the stored ones.

    A cosine distance beyond the `[encoder] max_drift` that the release was made with is a finding. Whether other bits
    within it are one, `check_bits` says.

    Parameters
    ----------
    count : int
        How many distinct texts; all where the snapshot has fewer.

    Raises
    ------
    IdentityError
        If the model on this machine is not the one that the release was made with.
    """
    encoder = open_release_encoder(corpus, release)
    snapshot = corpus.snapshot(release.snapshot)
    sampled = _sample(snapshot, count, seed)
    progress = current()
    progress.start(STEP, len(sampled.texts))
    fresh = encoder.encode(sampled.texts, "document", progress).vectors
    progress.finish(STEP)
    max_drift = EncoderConfig.model_validate(release.encoder_config).max_drift
    equal = (sampled.vectors.view(np.uint32) == fresh.view(np.uint32)).all(axis=1)
    before, after = sampled.vectors.astype(np.float64), fresh.astype(np.float64)
    distances = np.where(equal, 0.0, cosine_distances(before, after))
    findings.reencoded = Reencoded(
        snapshot=release.snapshot,
        encoder=release.encoder,
        n=len(sampled.texts),
        texts=sampled.total,
        seed=seed,
        equal=int(equal.sum()),
        max_difference=_finite(np.abs(before - after).max()),
        max_cosine_distance=_finite(distances.max()),
        max_drift=max_drift,
    )
    findings.check(KIND, release.snapshot, partial(_check_drift, distances, max_drift, sampled))
    within = np.flatnonzero(~equal & (distances <= max_drift)).tolist()
    return Unequal(encoder, [sampled.doc_ids[row] for row in within], [sampled.places[row] for row in within])


def check_bits(findings: Findings, corpus: CorpusStore, release: Release, unequal: Unequal) -> None:
    """Note other bits within `max_drift` as wrong where equal ones are expected: see `_expects_equal_bits`."""
    if unequal.doc_ids and _expects_equal_bits(corpus, release, unequal.encoder):
        found = (
            f"{len(unequal.doc_ids)} texts that were encoded again have other bits than their stored vectors, though "
            f"the encoder gives every bit of its probe here and gave it to every run: {_some(unequal.doc_ids)}"
        )
        findings.note(KIND, release.snapshot, found, unequal.places[0])


def _expects_equal_bits(corpus: CorpusStore, release: Release, encoder: Encoder) -> bool:
    """Return whether this machine computes as the one of the encoder's first use did, and so did that of each run.

    The same compute profile and an equal probe promise equal bits. Where one run found its bits mixed, some vectors may
    be of another machine; a hosted encoder computes on machines that nobody here knows.
    """
    key = corpus.layout.probe(release.encoder)
    if EncoderConfig.model_validate(release.encoder_config).hosted or not corpus.files.exists(key):
        return False
    probes = [record.get("probe") for record in corpus.run_records() if record.get("encoder") == release.encoder]
    if any(probe is not None and probe["bits"] != "equal" for probe in probes):
        return False
    stored = read_any_probe(corpus.files.read(key))
    return stored.profile == profile(encoder) and gives_its_probe(encoder, stored)


def _check_drift(distances: NDArray[np.float64], max_drift: float, sampled: _Sampled) -> None:
    beyond = np.flatnonzero(distances > max_drift).tolist()
    if beyond:
        worst = int(distances.argmax())
        raise IntegrityError(
            f"{len(beyond)} of {len(distances)} texts that were encoded again differ from their stored vectors by more "
            f"than max_drift {max_drift:.3g}, the worst by a cosine distance of {distances[worst]:.3g}: "
            f"{_some([sampled.doc_ids[row] for row in beyond])}",
            where=sampled.places[worst],
        )


def _some(doc_ids: list[str]) -> str:
    named = ", ".join(map(repr, doc_ids[:_NAMED]))
    return f"{named} and {len(doc_ids) - _NAMED} more" if len(doc_ids) > _NAMED else named


def _sample(snapshot: Snapshot, count: int, seed: int) -> _Sampled:
    distinct = snapshot.distinct_texts()
    chosen = np.random.default_rng(seed).choice(len(distinct), min(count, len(distinct)), replace=False)
    chosen.sort()
    shards, rows = (distinct[name].to_numpy()[chosen] for name in ("shard", "row"))
    places = [f"{snapshot.paths[shard]}, row {row}" for shard, row in zip(shards, rows, strict=True)]
    texts: list[str] = []
    doc_ids: list[str] = []
    for shard in np.unique(shards):  # ascending, as the places are
        table = pq.read_table(snapshot.paths[shard], columns=["text", "doc_id"]).take(rows[shards == shard])
        texts += table["text"].to_pylist()
        doc_ids += table["doc_id"].to_pylist()
    return _Sampled(texts, doc_ids, snapshot.take(shards, rows), places, len(distinct))


def _finite(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None
