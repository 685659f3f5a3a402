"""What exact geometry costs, beside the bare arithmetic and beside scikit-learn.

Each number is a ratio of one run; both sides alternate, so that a busy machine is busy for both:

- moments: the operations a second of the moments pass (two symmetric products a block, 2 n d² operations each) against
  those of one bare float64 product X'X (NumPy makes it a BLAS syrk) on blocks of the same size, one thread each; at
  least 0.80. Vectors are in memory: reading is not measured here.
- pca: a whitening fitted on rows that are streamed from Parquet, against scikit-learn's IncrementalPCA on the same
  stream and its PCA(whiten=True) on the same rows in memory; seconds and peak memory, each in a process of its own.
- report: every number of a report over so many documents, in a store, with the moments that a run keeps and without.
- apply: apply, normalise and write against a bare float64 matrix product and write; at least 0.70.

Vectors are made: a power law for a spectrum, and a mean that is not zero.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DIMENSION = 384
BLOCK = 8192
GROUP = 65_536
PARTS = ("moments", "pca", "report", "apply")


def made(rows: int, seed: int) -> np.ndarray:
    """Return made vectors, (rows, 384) float32."""
    generator = np.random.default_rng(seed)
    scale = np.arange(1, DIMENSION + 1) ** -0.5
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((DIMENSION, DIMENSION)))[0]
    wide = (generator.standard_normal((rows, DIMENSION)).astype(np.float32) * scale.astype(np.float32)) @ turn.astype(
        np.float32
    )
    return wide + np.float32(0.05)


def write_vectors(path: Path, rows: int) -> None:
    """Write made vectors as one Parquet file of row groups of 65,536."""
    kind = pa.list_(pa.float32(), DIMENSION)
    with pq.ParquetWriter(path, pa.schema([("embedding", kind)]), compression="none") as writer:
        for start in range(0, rows, GROUP):
            flat = pa.array(made(min(GROUP, rows - start), start).reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, type=kind)
            writer.write_table(pa.table([column], ["embedding"]), row_group_size=GROUP)


def blocks(path: Path, groups: Sequence[int] | None = None) -> Iterator[np.ndarray]:
    """Yield the vectors of a file, or of some of its row groups, in blocks of 8,192."""
    with pq.ParquetFile(path, memory_map=False, buffer_size=1 << 20, pre_buffer=False) as file:
        for batch in file.iter_batches(BLOCK, row_groups=groups, use_threads=False):
            yield batch.column(0).flatten().to_numpy().reshape(-1, DIMENSION)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return a median with the least and the greatest."""
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure_moments(rows: int, rounds: int) -> None:
    """Print the share of the rate of a bare symmetric product that the moments pass reaches."""
    from threadpoolctl import threadpool_limits

    from sphering.transform.image import moments_of

    vectors = made(rows, 0)
    wide = vectors[:BLOCK].astype(np.float64)

    def bare() -> None:
        for _ in range(0, rows, BLOCK):
            wide.T @ wide

    rates: dict[str, list[float]] = {"syrk": [], "moments": []}
    with threadpool_limits(1, user_api="blas"):
        for _ in range(rounds + 1):
            rates["syrk"].append(2 * rows * DIMENSION**2 / seconds(bare) / 1e9)
            took = seconds(lambda: moments_of((vectors[at : at + BLOCK] for at in range(0, rows, BLOCK)), DIMENSION))
            rates["moments"].append(2 * 2 * rows * DIMENSION**2 / took / 1e9)
    ratios = [own / peer for own, peer in zip(rates["moments"][1:], rates["syrk"][1:], strict=True)]
    print(
        f"moments, {rows:,} x {DIMENSION}: {spread(rates['moments'][1:], '.1f')} of {spread(rates['syrk'][1:], '.1f')} "
        f"GFLOP/s of a bare syrk, {spread(ratios)} of its rate (target 0.80)"
    )


def fit_ours(path: Path) -> None:
    """Fit a whitening on a file, row groups side by side as a run takes shards."""
    from sphering.config.model import TransformConfig
    from sphering.geometry.blas import one_blas_thread
    from sphering.geometry.moments import merged
    from sphering.transform import fit
    from sphering.transform.image import moments_of

    groups = range(pq.ParquetFile(path).num_row_groups)
    with one_blas_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        whole = merged(pool.map(lambda group: moments_of(blocks(path, [group]), DIMENSION), groups))
    fit(TransformConfig(kind="whiten"), whole, encoder="made", snapshot="made")


def fit_incremental(path: Path) -> None:
    """Fit scikit-learn's IncrementalPCA on the same stream."""
    from sklearn.decomposition import IncrementalPCA

    found = IncrementalPCA(whiten=True)
    for block in blocks(path):
        if len(block) >= DIMENSION:
            found.partial_fit(block)


def fit_whole(path: Path) -> None:
    """Fit scikit-learn's PCA(whiten=True), which wants all rows in memory."""
    from sklearn.decomposition import PCA

    PCA(whiten=True, svd_solver="covariance_eigh").fit(np.concatenate(list(blocks(path))))


FITS = {"sphering": fit_ours, "IncrementalPCA": fit_incremental, "PCA": fit_whole}


def measure_pca(rows: int, rounds: int) -> None:
    """Print seconds and peak memory of a whitening beside scikit-learn's."""
    took: dict[str, list[float]] = {name: [] for name in FITS}
    peaks: dict[str, list[float]] = {name: [] for name in FITS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.parquet"
        write_vectors(path, rows)
        for _ in range(rounds):
            for name in FITS:
                found = apart("fit", rows=rows, path=str(path), name=name)
                took[name].append(found["seconds"])
                peaks[name].append(found["megabytes"])
    for name in FITS:
        ratios = [peer / own for own, peer in zip(took["sphering"], took[name], strict=True)]
        print(
            f"pca, {rows:,} x {DIMENSION}: {name:<15} {spread(took[name], '.1f')} s, {spread(peaks[name], '.0f')} MB, "
            f"{spread(ratios)}x the time of sphering"
        )


def measure_fit(path: str, name: str) -> None:
    """Print the seconds of one fit and the peak memory of this process, as JSON."""
    took = seconds(lambda: FITS[name](Path(path)))
    print(json.dumps({"seconds": took, "megabytes": peak_memory()}))


def peak_memory() -> float:
    """Return this process' peak of resident memory in MB; getrusage's is that of the process that started it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure_report(rows: int, rounds: int) -> None:
    """Print the seconds of a report over a store, with kept moments and without."""
    from incremental import night

    from sphering.config.model import Config

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.parquet"
        write_texts(source, rows)
        config = Config.model_validate(
            {
                "corpus": "made",
                "base": folder,
                "store": f"{folder}/store",
                "source": {"path": str(source)},
                "encoder": {"kind": "precomputed", "identity": "made", "vectors": str(source)},
                "transform": {"kind": "center"},
                "run": {"unit_rows": 32_768},
            }
        )
        found = night(config, whole=True)
        print(f"report, {rows:,} documents: first night {found['seconds']:.1f} s in all")
        _time_report(config, rows, rounds)


def write_texts(path: Path, rows: int) -> None:
    """Write made texts with made vectors."""
    kind = pa.list_(pa.float32(), DIMENSION)
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("embedding", kind)])
    with pq.ParquetWriter(path, schema, compression={"id": "zstd", "text": "zstd"}) as writer:
        for start in range(0, rows, GROUP):
            names = [f"{row:08d}" for row in range(start, min(start + GROUP, rows))]
            flat = pa.array(made(len(names), start).reshape(-1))
            column = pa.FixedSizeListArray.from_arrays(flat, type=kind)
            texts = [f"the text of {name}" for name in names]
            writer.write_table(pa.table([names, texts, column], schema=schema))


def _time_report(config: Any, rows: int, rounds: int) -> None:
    from sphering.report.numbers import measure
    from sphering.report.spaces import KnownMoments, space_moments
    from sphering.run.fit import read_transform
    from sphering.store.store import Store

    store = Store.open(config.store)
    corpus = store.corpus("made")
    release = corpus.find("latest").release
    snapshot, transform = corpus.snapshot(release.snapshot), read_transform(corpus, release.transform)
    known = KnownMoments(space_moments(snapshot), space_moments(snapshot, transform))
    took: dict[str, list[float]] = {"kept moments": [], "no moments": []}
    for _ in range(rounds):
        took["kept moments"].append(seconds(lambda: measure(snapshot, transform, config.report, moments=known)))
        took["no moments"].append(seconds(lambda: measure(snapshot, transform, config.report)))
    for name, values in took.items():
        print(f"report, {rows:,} documents, {name}: {spread(values)} s")


def measure_apply(rows: int, rounds: int) -> None:
    """Print the share of the speed of a bare product and write that apply, normalise and write reaches."""
    from sphering.config.model import TransformConfig
    from sphering.transform import fit
    from sphering.transform.image import moments_of

    vectors = made(rows, 0)
    transform = fit(TransformConfig(kind="whiten"), moments_of([vectors], DIMENSION), encoder="made", snapshot="made")
    matrix = np.ascontiguousarray(transform.matrix)
    took: dict[str, list[float]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "matrix.npy"

        def write(image: Callable[[np.ndarray], np.ndarray]) -> None:
            out = np.lib.format.open_memmap(target, "w+", np.float32, (rows, DIMENSION))
            for low, high in pairwise([*range(0, rows, BLOCK), rows]):
                out[low:high] = image(vectors[low:high])
            out.flush()
            del out

        for _ in range(rounds + 1):
            took["bare"].append(seconds(lambda: write(lambda block: block.astype(np.float64) @ matrix)))
            took["ours"].append(seconds(lambda: write(transform.apply)))
    ratios = [bare / ours for bare, ours in zip(took["bare"][1:], took["ours"][1:], strict=True)]
    print(
        f"apply, {rows:,} x {DIMENSION}: {spread(took['ours'][1:])} s against {spread(took['bare'][1:])} s of a bare "
        f"float64 product and write, {spread(ratios)} of its speed (target 0.70)"
    )


def apart(part: str, **settings: Any) -> dict[str, Any]:
    """Run one part in a process of its own; return what it printed last, as JSON."""
    words = [f"--{name}={value}" for name, value in settings.items()]
    done = subprocess.run([sys.executable, __file__, "--part", part, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "fit"], help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--path")
    parser.add_argument("--name")
    wish = parser.parse_args()
    if wish.part == "fit":
        measure_fit(wish.path, wish.name)
        return
    in_memory = min(wish.rows, 200_000)
    for part in PARTS if wish.part is None else (wish.part,):
        if part in ("moments", "apply"):
            globals()[f"measure_{part}"](in_memory, wish.rounds)
        else:
            globals()[f"measure_{part}"](wish.rows, wish.rounds)


if __name__ == "__main__":
    main()
