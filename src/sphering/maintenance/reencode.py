"""`sphering verify --reencode N`: whether the encoder still gives the vectors that a snapshot holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.config.model import EncoderConfig
from sphering.encoder.probe import cosine_distances
from sphering.encoder.protocol import STEP
from sphering.errors import InputError, IntegrityError
from sphering.maintenance.findings import Findings
from sphering.progress import current
from sphering.run.search import open_release_encoder
from sphering.store.corpus import CorpusStore
from sphering.store.release import Release
from sphering.store.snapshot import Snapshot

SEED = 0


@dataclass(frozen=True)
class Reencoded:
    """How a sample of a snapshot's distinct texts, encoded again, stands to the stored vectors.

    `n` of `texts` distinct texts were drawn with `seed`; `equal` of them gave the same bits. `max_difference` is the
    largest |difference| of two components and `max_cosine_distance` that of 1 − cos; None where a vector is not finite.
    """

    snapshot: str
    encoder: str
    n: int
    texts: int
    seed: int
    equal: int
    max_difference: float | None
    max_cosine_distance: float | None
    max_drift: float

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class _Sampled:
    """Distinct texts with their stored vectors, (n, d) float32, and where each stands; `total` were drawn from."""

    texts: list[str]
    vectors: NDArray[np.float32]
    places: list[str]
    total: int


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


def reencode(findings: Findings, corpus: CorpusStore, release: Release, count: int, seed: int = SEED) -> None:
    """Encode a sample of a release's distinct texts again and note how the vectors stand to the stored ones.

    A cosine distance beyond the `[encoder] max_drift` that the release was made with is a finding.

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
    findings.check("reencoded texts", release.snapshot, partial(_check, distances, max_drift, sampled.places))


def _check(distances: NDArray[np.float64], max_drift: float, places: list[str]) -> None:
    beyond = int((distances > max_drift).sum())
    if beyond:
        worst = int(distances.argmax())
        raise IntegrityError(
            f"{beyond} of {len(distances)} texts that were encoded again differ from their stored vectors by more than "
            f"max_drift {max_drift:.3g}, the worst by a cosine distance of {distances[worst]:.3g}",
            where=places[worst],
        )


def _sample(snapshot: Snapshot, count: int, seed: int) -> _Sampled:
    distinct = snapshot.distinct_texts()
    chosen = np.random.default_rng(seed).choice(len(distinct), min(count, len(distinct)), replace=False)
    chosen.sort()
    shards, rows = (distinct[name].to_numpy()[chosen] for name in ("shard", "row"))
    places = [f"{snapshot.paths[shard]}, row {row}" for shard, row in zip(shards, rows, strict=True)]
    texts: list[str] = []
    for shard in np.unique(shards):  # ascending, as the places are
        texts += _texts_at(snapshot.paths[shard], rows[shards == shard])
    return _Sampled(texts, snapshot.take(shards, rows), places, len(distinct))


def _texts_at(path: Path, rows: NDArray[np.int64]) -> list[str]:
    texts: list[str] = pq.read_table(path, columns=["text"])["text"].take(rows).to_pylist()
    return texts


def _finite(value: np.floating[Any]) -> float | None:
    return float(value) if np.isfinite(value) else None
