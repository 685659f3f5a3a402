"""What exports cost beside a copy of the same bytes, beside pyarrow's own writer and beside a bare matrix product.

Each number is a ratio of one run; both sides alternate, so that a busy machine is busy for both:

- matrix: apply, normalise and write of a snapshot on disk under a whitening, in a process of its own; its peak of
  memory stays under 1 GiB.
- files: bytes a second of .npy and .fbin, written from the finished matrix, against `cp` of the same bytes; at least
  0.50. A whole float32 matrix becomes .npy by a link, in no time; two shards are written.
- parquet: the same against pyarrow's writer alone, of the same table with the same settings, all of it in memory; at
  least 0.80.
- truth: the exact neighbours of 1,000 queries, 10 and 100 each, streamed from the matrix on disk, as operations a
  second against those of a bare float32 product of the same shapes in memory, done in the fastest way that is found;
  at least 0.70. faiss.knn over the same vectors in memory is beside it.

Vectors are made: a power law for a spectrum, and a mean that is not zero. All files lie in the system's folder for
temporary files (TMPDIR): 6 kB a row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from geometry import DIMENSION, GROUP, made, peak_memory, seconds, spread
from threadpoolctl import threadpool_limits

from sphering.config.export import ExportConfig
from sphering.config.model import TransformConfig
from sphering.cores import available_cores
from sphering.export.exact import nearest
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.files import Matrix
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform, fit
from sphering.transform.image import moments_of

PARTS = ("matrix", "files", "parquet", "truth")
QUERIES = 1000
NEIGHBOURS = (10, 100)
BLOCKS = (1024, 2048, 4096, 8192, 16384)
PARQUET_SETTINGS = {
    "compression": dict.fromkeys(("doc_id", "uuid", "metadata"), "zstd") | {"embedding.list.element": "none"},
    "use_dictionary": ["metadata"],
    "write_statistics": ["doc_id"],
    "row_group_size": 16_384,
}


def write_snapshot(folder: Path, rows: int) -> None:
    """Write a snapshot of made vectors, in shards as a run writes them, and a whitening that is fitted on it."""
    ids = np.random.default_rng(0).permutation(rows)
    counts = [min(GROUP, rows - start) for start in range(0, rows, GROUP)]
    for number, count in enumerate(counts):
        write_shard(folder / f"{number}.parquet", _shard(ids[number * GROUP :][:count], number))
    manifest = SnapshotManifest(
        id="5" * 16,
        corpus="made",
        encoder="made",
        encoder_document={},
        dimension=DIMENSION,
        content_digest="d" * 64,
        documents=rows,
        texts=rows,
        tokens=0,
        unknown=0,
        truncated=0,
        keep_text=True,
        labels=(),
        metadata=("length",),
        shards=tuple(ShardEntry(str(number), count, 0, 0, "") for number, count in enumerate(counts)),
        dropped_sha256=None,
        created_at="2026-01-01T00:00:00Z",
        run="made",
    )
    (folder / "manifest.json").write_text(json.dumps(manifest.to_json()))
    moments = moments_of(read_snapshot(folder).vectors(), DIMENSION)
    transform = fit(TransformConfig(kind="whiten"), moments, encoder="made", snapshot=manifest.id)
    for name, content in transform.to_files().items():
        (folder / name).write_bytes(content)


def _shard(ids: np.ndarray, seed: int) -> pa.Table:
    texts = {hashlib.sha256(text.encode()).digest(): text for text in (f"the text of {row:08d}" for row in ids)}
    vectors = made(len(ids), seed)
    hashes = pa.array(sorted(texts), pa.binary(32))
    columns = {
        "doc_id": [texts[digest][-8:] for digest in sorted(texts)],
        "text": [texts[digest] for digest in sorted(texts)],
        "text_hash": hashes,
        "metadata_hash": hashes,
        "n_tokens": np.full(len(ids), 8, np.int32),
        "n_unknown": np.zeros(len(ids), np.int32),
        "truncated": np.zeros(len(ids), bool),
        "norm": np.linalg.norm(vectors, axis=1),
        "metadata": [f'{{"length":{row % 100}}}' for row in ids],
        "embedding": vector_array(vectors),
    }
    return pa.table(columns, schema=schema(DIMENSION))


def read_snapshot(folder: Path) -> Snapshot:
    """Return the snapshot that was written."""
    manifest = SnapshotManifest.from_json(json.loads((folder / "manifest.json").read_text()))
    return Snapshot(manifest, [folder / f"{number}.parquet" for number in range(len(manifest.shards))], None)


def read_transform(folder: Path) -> Transform:
    """Return the whitening that was written."""
    names = ("transform.json", "transform.safetensors")
    return Transform.from_files(*((folder / name).read_bytes() for name in names))


def make(folder: Path) -> None:
    """Make the matrix of the snapshot; print the seconds and the peak memory of this process, as JSON."""
    snapshot, transform = read_snapshot(folder), read_transform(folder)
    took = seconds(lambda: make_matrix(snapshot, transform, folder / "matrix"))
    print(json.dumps({"seconds": took, "megabytes": peak_memory()}))


def make_apart(folder: Path) -> dict[str, float]:
    """Make the matrix in a process of its own; return its seconds and its peak memory."""
    shutil.rmtree(folder / "matrix", ignore_errors=True)
    words = [sys.executable, __file__, "--part", "make", f"--path={folder}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def opened(folder: Path) -> Matrix:
    """Return the matrix that was made."""
    matrix = Matrix.load(folder / "matrix")
    if matrix is None:
        raise SystemExit("the matrix was not finished")
    return matrix


def measure_matrix(folder: Path, rounds: int) -> None:
    """Print the speed and the peak memory of making a matrix."""
    found = [make_apart(folder) for _ in range(rounds)]
    matrix = opened(folder)
    rates = [matrix.path.stat().st_size / one["seconds"] / 1e6 for one in found]
    print(
        f"matrix, {matrix.n:,} x {matrix.d}: {spread([one['seconds'] for one in found], '.1f')} s, "
        f"{spread(rates, '.0f')} MB/s, peak {spread([one['megabytes'] for one in found], '.0f')} MiB (target 1,024)"
    )


def writer(folder: Path, **table: Any) -> Callable[[], None]:
    """Return what writes an export of the matrix into an empty folder."""
    config = ExportConfig.model_validate({"name": "measured", **table})
    target = folder / "target"
    job = ExportJob(config, opened(folder), read_snapshot(folder), read_transform(folder), target)
    return lambda: open_format(config.format).write(job)


def timed_write(folder: Path, write: Callable[[], object]) -> float:
    """Return the seconds of a write into the folder `target`, which is empty before and gone after it."""
    target = folder / "target"
    target.mkdir()
    os.sync()  # what was written before is not to be paid for now
    took = seconds(write)
    shutil.rmtree(target)
    return took


def alternate(folder: Path, sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each side in each round, after one that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds + 1):
        for name, write in sides.items():
            found[name].append(timed_write(folder, write))
    return {name: values[1:] for name, values in found.items()}


def measure_files(folder: Path, rounds: int) -> None:
    """Print how fast flat files are written beside cp."""
    matrix = opened(folder)
    sides = {
        "cp": lambda: subprocess.run(["cp", matrix.path, folder / "target"], check=True),
        ".npy": writer(folder, format="npy", shard_rows=-(-matrix.n // 2)),
        ".fbin": writer(folder, format="fbin"),
    }
    _print_writes(matrix, alternate(folder, sides, rounds), "cp", 0.5)


def measure_parquet(folder: Path, rounds: int) -> None:
    """Print how fast Parquet is written beside pyarrow's writer."""
    matrix, write = opened(folder), writer(folder, format="parquet")
    (folder / "target").mkdir()
    write()
    own = folder / "target" / "vectors.parquet"
    table, size = pq.read_table(own), own.stat().st_size
    shutil.rmtree(folder / "target")
    beside = folder / "target" / "bare.parquet"
    sides = {"pyarrow": lambda: pq.write_table(table, beside, **PARQUET_SETTINGS), ".parquet": write}
    found = alternate(folder, sides, rounds)
    (folder / "target").mkdir()
    sides["pyarrow"]()
    if abs(beside.stat().st_size / size - 1) > 0.001:
        raise SystemExit(f"the peer wrote {beside.stat().st_size} bytes with other settings, not {size}")
    shutil.rmtree(folder / "target")
    _print_writes(matrix, found, "pyarrow", 0.8)


def _print_writes(matrix: Matrix, found: dict[str, list[float]], peer: str, target: float) -> None:
    size = matrix.path.stat().st_size
    for name, values in found.items():
        rates = spread([size / one / 1e9 for one in values])
        ratios = [bare / own for bare, own in zip(found[peer], values, strict=True)]
        beside = "" if name == peer else f", {spread(ratios)} of the speed of {peer} (target {target:.2f})"
        print(f"files, {matrix.n:,} x {matrix.d}: {name:<8} {rates} GB/s{beside}")


def measure_truth(folder: Path, rounds: int) -> None:
    """Print the rate of exact search beside a bare product and faiss.knn."""
    import faiss

    matrix = opened(folder)
    vectors = np.concatenate(list(matrix.blocks()))
    queries = np.ascontiguousarray(vectors[np.random.default_rng(1).choice(matrix.n, QUERIES, replace=False)])
    way, product = fastest_product(vectors, queries)
    sides: dict[str, Callable[[], object]] = {"product": product}
    for k in NEIGHBOURS:
        sides[f"exact, k = {k}"] = lambda k=k: nearest(matrix.blocks(), queries, k)
        sides[f"faiss.knn, k = {k}"] = lambda k=k: faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            rates[name].append(2 * matrix.n * matrix.d * QUERIES / seconds(work) / 1e9)
    print(f"truth, {QUERIES:,} queries, {matrix.n:,} x {matrix.d}; the product {way}")
    for name, values in rates.items():
        ratios = [own / bare for own, bare in zip(values, rates["product"], strict=True)]
        target = " (target 0.70)" if name.startswith("exact") else ""
        beside = "" if name == "product" else f", {spread(ratios)} of the product's rate{target}"
        print(f"truth: {name:<18} {spread(values, '.0f')} GFLOP/s{beside}")


def fastest_product(vectors: np.ndarray, queries: np.ndarray) -> tuple[str, Callable[[], None]]:
    """Return the fastest way, in words, of all products of two sets of vectors, and what does them that way."""
    ways = {
        f"in blocks of {rows:,} rows, {name}": (do, rows)
        for rows in BLOCKS
        for name, do in (("each on all threads", one_after_another), ("one thread a block", side_by_side))
    }
    some = vectors[:100_000]
    took = {
        name: statistics.median(seconds(lambda do=do, rows=rows: do(some, queries, rows)) for _ in range(5))
        for name, (do, rows) in ways.items()
    }
    best = min(took, key=lambda name: took[name])
    do, rows = ways[best]
    return best, lambda: do(vectors, queries, rows)


def one_after_another(vectors: np.ndarray, queries: np.ndarray, rows: int) -> None:
    """Multiply block after block; BLAS shares each out over its threads."""
    out = np.empty((rows, len(queries)), np.float32)
    for start in range(0, len(vectors), rows):
        block = vectors[start : start + rows]
        np.matmul(block, queries.T, out=out[: len(block)])


def side_by_side(vectors: np.ndarray, queries: np.ndarray, rows: int) -> None:
    """Multiply a part of the rows on each core, with one thread of BLAS."""
    cores = available_cores()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
        list(pool.map(lambda part: one_after_another(part, queries, rows), np.array_split(vectors, cores)))


def main() -> None:
    """Measure one part, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=[*PARTS, "make"], help="by default all")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--path", type=Path)
    wish = parser.parse_args()
    if wish.part == "make":
        make(wish.path)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begin = time.perf_counter()
        write_snapshot(folder, wish.rows)
        print(f"snapshot, {wish.rows:,} x {DIMENSION}: made in {time.perf_counter() - begin:.0f} s", flush=True)
        if wish.part not in (None, "matrix"):
            make_apart(folder)
        for part in PARTS if wish.part is None else (wish.part,):
            globals()[f"measure_{part}"](folder, wish.rounds)


if __name__ == "__main__":
    main()
