"""Documents per second on a GPU against SentenceTransformer.encode on the same GPU, and the share of its peak.

From texts to vectors in memory, in units of work as a run has them, two at once. Prefect and DuckDB are not needed.
The peer is measured as it comes (float32, batches of 32) and as one would set it for speed (bfloat16, in three sizes
of larger batches). All alternate in one process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from encode import MODEL, count_operations, spread
from sentence_transformers import SentenceTransformer

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.parity import compare
from sphering.encoder.resolve import locate

PRECISIONS = ("float32", "float16", "bfloat16")
BATCHES = (128, 512, 2048)
FACTOR = 8192


def read_texts(corpus: str, rows: int) -> list[str]:
    """Return the first distinct texts of a corpus."""
    import pyarrow.parquet as pq

    return list(dict.fromkeys(pq.read_table(corpus, columns=["text"])["text"].to_pylist()))[:rows]


def ours(precision: str, unit: int) -> Callable[[list[str]], np.ndarray]:
    """Return what encodes texts in units, two at once."""
    config = SentenceTransformersConfig(model=MODEL, backend="torch", device="cuda", precision=precision)
    encoder = open_encoder(identify(config, "torch"), config)

    def encode(texts: list[str]) -> np.ndarray:
        units = [texts[start : start + unit] for start in range(0, len(texts), unit)]
        with ThreadPoolExecutor(2) as workers:
            return np.concatenate([found.vectors for found in workers.map(encoder.encode, units)])

    return encode


def peers(plain: SentenceTransformer, folder: str) -> dict[str, Callable[[list[str]], np.ndarray]]:
    """Return SentenceTransformer.encode as it comes, and in bfloat16 with larger batches."""
    short = SentenceTransformer(folder, device="cuda", model_kwargs={"dtype": torch.bfloat16})
    tuned = {
        f"peer, bfloat16, batches of {size}": partial(short.encode, batch_size=size, show_progress_bar=False)
        for size in BATCHES
    }
    return {"peer": partial(plain.encode, show_progress_bar=False), **tuned}


def peak(precision: str) -> float:
    """Return the most operations a second that a matrix product of 8,192 cubed is seen to reach."""
    form = getattr(torch, precision)
    left, right = (torch.randn(FACTOR, FACTOR, device="cuda", dtype=form) for _ in range(2))
    fastest = float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        left @ right
        torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - begin)
    return 2 * FACTOR**3 / fastest


def main() -> None:
    """Measure each in turn, and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="a Parquet file with a column `text`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--unit", type=int, default=4096, help="texts of a unit of work")
    wish = parser.parse_args()
    texts = read_texts(wish.corpus, wish.rows)
    folder = str(locate(SentenceTransformersConfig(model=MODEL)).folder)
    plain = SentenceTransformer(folder, device="cuda")
    sides = {**peers(plain, folder), **{precision: ours(precision, wish.unit) for precision in PRECISIONS}}
    vectors = {name: encode(texts) for name, encode in sides.items()}  # warms up too
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(wish.rounds):
        for name, encode in sides.items():
            begin = time.perf_counter()
            encode(texts)
            seconds[name].append(time.perf_counter() - begin)
    operations, tokens = count_operations(plain, texts)
    print(f"{torch.cuda.get_device_name()}, {wish.corpus}: {len(texts):,} texts of {tokens / len(texts):.1f} tokens")
    for name, found in seconds.items():
        ratios = [peer / own for peer, own in zip(seconds["peer"], found, strict=True)]
        most = peak(next((precision for precision in PRECISIONS if precision in name), "float32"))
        cosine = compare(np.asarray(vectors[name], np.float32), vectors["peer"]).min_cosine
        print(
            f"{name:<36} {spread([len(texts) / one for one in found], ',.0f')} documents/s, "
            f"{spread(ratios, '.2f')}x the peer, {operations / statistics.median(found) / most:.1%} of a peak of "
            f"{most / 1e12:.0f} TFLOP/s, least cosine to it {cosine:.7f}"
        )


if __name__ == "__main__":
    main()
