"""What size costs: workers on each runner, unchanged nights of more rows, more snapshots in a store.

- runners: texts a second of one and of two workers of Dask and of Ray, over the same units of some ten seconds, against
  the run's own threads, alternating; at least 0.95 of them where the cores are the same. From the start of encoding to
  the last shard: the start of a cluster and the loading of the first encoder are said beside it.
- nights: seconds, peak memory and what is encoded of a first night and of an unchanged one over 10 thousand, 100
  thousand and 1 million rows, each in a process of its own, with the seconds of each step and the files and bytes that
  are kept. The vectors are looked up in a file: what is measured is everything but encoding.
- objects: requests of a first and of an unchanged night to an S3 server, by rows, so by shards.
- snapshots: seconds of `snapshots`, `show`, `diff` and `catalog rebuild`, as typed, over stores of 1, 10, 100 and 1,000
  snapshots; the first three at most 1 s, the last one linear. The start of a command is said beside them, and what the
  last night took. The nights before it leave out the catalog, which each night makes anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from incremental import configuration, night, spread, stand_in, write_source, write_vectors

PARTS = ("runners", "nights", "objects", "snapshots")
RUNNERS = (("thread", 2), ("dask", 1), ("dask", 2), ("ray", 1), ("ray", 2))


class Watch:
    """A listener that keeps when each step began and ended, in seconds."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def start(self, step: str, total: int | None = None) -> None:
        """Keep when a step began."""
        self.began[step] = time.perf_counter()

    def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
        """Ignore progress."""

    def finish(self, step: str) -> None:
        """Keep when a step ended."""
        self.ended[step] = time.perf_counter()

    def seconds(self, step: str) -> float:
        """Return how long a step took."""
        return self.ended[step] - self.began[step]


def encode(corpus: Path, rows: int, unit_rows: int, runner: str, workers: int) -> dict[str, float]:
    """Encode a corpus in a store of its own; return texts a second, and the seconds before the first unit."""
    from sphering.flows.embed import embed
    from sphering.flows.server import connected
    from sphering.progress import listen

    with tempfile.TemporaryDirectory() as name:
        folder, watch = Path(name), Watch()
        write_source(corpus, rows, folder / "source.parquet")
        run = {"runner": runner, "workers": workers, "unit_rows": unit_rows}
        with connected(), listen(watch):
            result = embed(configuration(folder, run=run))
    before = watch.began["embed"] - watch.ended["ingest"]
    return {"rate": result["encoded"] / watch.seconds("embed"), "before": before, "seconds": watch.seconds("embed")}


def measure_runners(corpus: Path, rows: int, unit_rows: int, rounds: int) -> None:
    """Print the rate of each runner against the run's own threads."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {each: [] for each in RUNNERS}
    for _ in range(rounds):
        for runner, workers in RUNNERS:
            given = {"corpus": corpus, "rows": rows, "unit-rows": unit_rows, "runner": runner, "workers": workers}
            found[runner, workers].append(apart("encode", **given))
    base = [each["rate"] for each in found[RUNNERS[0]]]
    for (runner, workers), measured in found.items():
        ratio = spread([each["rate"] / one for each, one in zip(measured, base, strict=True)])
        rate, before = (statistics.median(each[key] for each in measured) for key in ("rate", "before"))
        unit = statistics.median(each["seconds"] for each in measured) * workers / max(1, rows // unit_rows)
        print(f"{runner} {workers}: {rate:,.0f} texts/s, {ratio['median']:.3f} ({ratio['min']:.3f}-{ratio['max']:.3f})")
        print(f"  of threads; {before:.1f} s before the first unit, some {unit:.0f} s a unit")


def one_night(folder: Path, store: str) -> dict[str, Any]:
    """Take the corpus of a folder to its release; return what that took."""
    encoder = {"kind": "precomputed", "identity": "hashes", "vectors": str(folder / "vectors.parquet")}
    config = configuration(folder, encoder=encoder, export=[{"name": "matrix", "format": "npy"}], store=store)
    found = night(config, whole=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**found, "peak_mib": round(peak)}


def write_input(corpus: Path, rows: int, folder: Path) -> None:
    """Write a source and the vectors of its texts."""
    write_source(corpus, rows, folder / "source.parquet")
    write_vectors(corpus, folder / "vectors.parquet")


def measure_nights(corpus: Path, sizes: Sequence[int]) -> None:
    """Print what a first and an unchanged night cost, by rows."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_input(corpus, rows, folder)
            for which in ("first", "unchanged"):
                found = apart("one-night", folder=folder, store=folder / "store")
                each = found["seconds"] / rows * 1e6
                print(f"{which} night of {rows:,} rows: {found['seconds']:.1f} s ({each:.1f} us a row),", end=" ")
                print(f"peak {found['peak_mib']:,} MiB, {found['encoded']:,} encoded")
                steps = sorted(found["timings"].items(), key=lambda step: -step[1])
                print("  " + ", ".join(f"{step} {seconds:.2f} s" for step, seconds in steps if seconds >= 0.01))
            print(f"  kept: {kept(folder / 'store' / 'corpora' / 'packages')}")


def kept(root: Path) -> str:
    """Return the files and bytes of each folder of a corpus in words."""
    sizes = {
        folder.name: [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
        for folder in sorted(root.iterdir())
    }
    return ", ".join(f"{name} {len(each):,} files {sum(each) / 1e6:,.2f} MB" for name, each in sizes.items() if each)


def measure_objects(corpus: Path, sizes: Sequence[int]) -> None:
    """Print the requests of a first and of an unchanged night to an object store, by rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with s3_server(folder) as log:
            for rows in sizes:
                write_input(corpus, rows, folder)
                for which in ("first", "unchanged"):
                    before = requests(log)
                    apart("one-night", folder=folder, store=f"s3://nights/{rows}")
                    made = requests(log) - before
                    words = ", ".join(f"{count} {method}" for method, count in sorted(made.items()))
                    print(f"{which} night of {rows:,} rows in an object store: {made.total()} requests, {words}")


@contextmanager
def s3_server(folder: Path) -> Iterator[Path]:
    """Run moto's server beside the block, with a bucket `nights`; the value is its log, a line a request."""
    import boto3

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = str(listening.getsockname()[1])
    os.environ |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "somebody", "XDG_CACHE_HOME": str(folder)}
    log = folder / "requests.log"
    with log.open("wb") as output:
        server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", port], stdout=output, stderr=output)
    try:
        while b"Running on" not in log.read_bytes():
            time.sleep(0.1)
        boto3.client("s3").create_bucket(Bucket="nights")
        yield log
    finally:
        server.kill()
        server.wait()


def requests(log: Path) -> Counter[str]:
    """Return how many requests of each method a server has logged."""
    return Counter(re.findall(r'"(GET|PUT|POST|HEAD|DELETE) /nights', log.read_text(encoding="utf-8")))


def measure_snapshots(corpus: Path, counts: Sequence[int]) -> None:
    """Print what commands over a store cost, by its snapshots: each night changes another row of them."""
    stand_in()
    rows = max(counts)
    with tempfile.TemporaryDirectory() as name:
        folder, made = Path(name), 0
        config = configuration(folder)
        (folder / "sphering.toml").write_text('corpus = "packages"\n[source]\npath = "source.parquet"\n')
        command(folder, "--help")
        start = statistics.median(command(folder, "--help") for _ in range(3))
        print(f"start of a command: {start:.2f} s")
        for count in counts:
            while made < count:
                write_source(corpus, rows, folder / "source.parquet", lambda row, n=made: row == n)
                made += 1
                took = night(config, whole=True) if made == count else without_catalog(config)
            snapshots = json.loads(output(folder, "snapshots", "--json"))["snapshots"]
            first, last = snapshots[-1]["snapshot"], snapshots[0]["snapshot"]
            asked = {
                "snapshots": ("snapshots",),
                "show": ("show",),
                "diff": ("diff", first, last),
                "catalog rebuild": ("catalog", "rebuild"),
            }
            said = {name: statistics.median(command(folder, *words) for _ in range(3)) for name, words in asked.items()}
            words = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in said.items())
            files = sum(1 for path in (folder / "store").rglob("*") if path.is_file())
            print(f"{len(snapshots):,} snapshots, {files:,} files: {words}; the last night {took['seconds']:.2f} s")


def without_catalog(config: Any) -> dict[str, Any]:
    """Take a corpus to its release without the catalog, which the next night makes of everything anyway."""
    from unittest.mock import patch

    with patch("sphering.run.finish.rebuild"):
        return night(config, whole=True)


def output(folder: Path, *words: str) -> str:
    """Return what a command prints."""
    line = [sys.executable, "-m", "sphering.cli", *words]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout


def command(folder: Path, *words: str) -> float:
    """Return the seconds of a command."""
    started = time.perf_counter()
    output(folder, *words)
    return time.perf_counter() - started


def apart(part: str, **settings: Any) -> dict[str, Any]:
    """Return one part, measured in a process of its own."""
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    line = [sys.executable, __file__, "--part", part, *arguments]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure all parts, or some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, help="Parquet with package, section and text.")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=16_384, help="Of the runners' corpus.")
    parser.add_argument("--unit-rows", type=int, default=1365, help="Of its units: some ten seconds each.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="Of nights.")
    parser.add_argument("--object-rows", type=int, nargs="+", default=[20_000, 60_000], help="Of nights on S3.")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 10, 100, 1000], help="Of snapshots.")
    parser.add_argument("--part", choices=["encode", "one-night"], help=argparse.SUPPRESS)
    parser.add_argument("--runner", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part == "encode":
        print(json.dumps(encode(given.corpus, given.rows, given.unit_rows, given.runner, given.workers)))
    elif given.part == "one-night":
        print(json.dumps(one_night(given.folder, given.store)))
    else:
        _measure(given)


def _measure(given: argparse.Namespace) -> None:
    chosen = given.only or PARTS
    if "runners" in chosen:
        measure_runners(given.corpus, given.rows, given.unit_rows, given.rounds)
    if "nights" in chosen:
        measure_nights(given.corpus, given.sizes)
    if "objects" in chosen:
        measure_objects(given.corpus, given.object_rows)
    if "snapshots" in chosen:
        measure_snapshots(given.corpus, given.counts)


if __name__ == "__main__":
    main()
