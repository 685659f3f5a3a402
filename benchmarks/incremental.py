"""What a night costs: the diff of an unchanged corpus, one per cent changed, memory, and what the store keeps beside.

Each number is a ratio of one run, made in processes that alternate, so that a busy machine is busy for both sides:

- diff: reading, checking, hashing and comparing an unchanged source (no process start, no Prefect), against one DuckDB
  pass that reads and hashes id, text and metadata of the same file; at most 3.
- changed: what a night with one per cent of other texts takes beyond an unchanged one, against the encoding of the
  first night, with the real model; at most 0.03. Measuring 5,000 texts for the report takes the same few seconds
  whatever the rows are, so that small corpora, of some 15,000 rows and less, stay above it.
- memory: peak of a night over all rows against that over a tenth of them; at most 1.2.
- bookkeeping: bytes that are neither text nor vector, of the whole store without exports, after the first night and
  after many nights of 0.1 per cent change; at most 0.03.

Vectors of big corpora are made of the text's hash, by a stand-in or, where memory is measured, in a file in which the
encoder `precomputed` looks them up: what is measured here is not encoding.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DIMENSION = 384
PASS = """
SELECT count(*), bit_xor(hash(id)), bit_xor(hash(sha256(text))), bit_xor(hash(sha256(section)))
FROM read_parquet($path)
"""


class HashedTexts:
    """An encoder's stand-in: a vector is made of its text's hash, in no time worth measuring."""

    dimension = DIMENSION
    max_length = None

    def encode(self, texts: Sequence[str], role: str = "document", progress: Any = None) -> Any:
        """Return a vector for each text."""
        from sphering.encoder.protocol import Encoded

        seeds = np.frombuffer(b"".join(hashlib.sha256(text.encode()).digest() for text in texts), np.uint32)
        rows = seeds.reshape(len(texts), 8).astype(np.float32) / np.float32(2**32)
        turn = np.random.default_rng(0).standard_normal((8, DIMENSION)).astype(np.float32)
        waves = np.cos(6 * rows @ turn) * np.arange(1, DIMENSION + 1, dtype=np.float32) ** -0.5 + np.float32(0.05)
        counts = np.fromiter((len(text) // 5 + 2 for text in texts), np.int32, len(texts))
        return Encoded(waves, counts, np.zeros_like(counts), np.zeros(len(texts), bool))


def write_source(corpus: Path, rows: int, path: Path, changed: Callable[[int], bool] = lambda _: False) -> None:
    """Write a source of so many rows: the corpus again and again with other ids; texts of some rows are changed."""
    table = pq.read_table(corpus, columns=["package", "section", "text"])
    parts, left = [], rows
    while left:
        part = table.slice(0, left)
        names = pa.array([f"{len(parts)}/{name}" for name in part["package"].to_pylist()])
        first = rows - left
        texts = [
            f"{text} (changed)" if changed(first + row) else text for row, text in enumerate(part["text"].to_pylist())
        ]
        parts.append(pa.table({"id": names, "text": texts, "section": part["section"]}))
        left -= part.num_rows
    pq.write_table(pa.concat_tables(parts), path, compression="zstd", row_group_size=100_000)


def write_vectors(corpus: Path, path: Path) -> None:
    """Write a vector for each distinct text of the corpus, which are those of a source without changes."""
    texts = pq.read_table(corpus, columns=["text"])["text"].unique()
    names = ["text", "embedding"]
    kind = pa.list_(pa.float32(), DIMENSION)
    with pq.ParquetWriter(path, pa.schema(list(zip(names, [pa.string(), kind], strict=True)))) as writer:
        for start in range(0, len(texts), 8192):
            part = texts[start : start + 8192]
            vectors = pa.array(HashedTexts().encode(part.to_pylist()).vectors.reshape(-1), pa.float32())
            writer.write_table(pa.table([part, pa.FixedSizeListArray.from_arrays(vectors, type=kind)], names))


def configuration(folder: Path, **tables: Any) -> Any:
    """Return the configuration of a corpus in a folder."""
    from sphering.config.model import Config

    settings = {
        "corpus": "packages",
        "base": str(folder),
        "store": str(folder / "store"),
        "source": {"path": str(folder / "source.parquet"), "metadata": ["section"]},
        "encoder": {"backend": "torch"},
        "transform": {"kind": "none"},
    }
    return Config.model_validate(settings | tables)


def night(config: Any, *, whole: bool = False) -> dict[str, Any]:
    """Take a corpus to its snapshot, or to its release; return the seconds of the diff and of everything."""
    from sphering.run.assemble import assemble_release
    from sphering.run.begin import begin
    from sphering.run.commit import commit_snapshot
    from sphering.run.embed import embed_unit
    from sphering.run.evaluate import evaluate
    from sphering.run.finish import finish
    from sphering.run.fit import settle_transform
    from sphering.run.ingest import ingest
    from sphering.run.release import publish
    from sphering.run.units import plan_units

    started = time.perf_counter()
    path = begin(config, "run" if whole else "embed")
    ingest(path)
    units = plan_units(path)
    diff = time.perf_counter() - started
    for unit in range(units.count):
        embed_unit(path, unit)
    commit_snapshot(path)
    if whole:
        settle_transform(path)
        evaluate(path)
        assemble_release(path)
        publish(path)
    result = finish(path)
    seconds = time.perf_counter() - started
    facts = {name: result[name] for name in ("timings", "encoded")}
    return {"diff": diff, "seconds": seconds, "encode": result["timings"]["embed"], **facts}


def stand_in() -> None:
    """Let runs of this process use hashed texts for vectors."""
    from sphering.run import embed

    embed.opened_encoder = lambda _: HashedTexts()  # type: ignore[attr-defined]
    embed.check_again = lambda *_: None  # type: ignore[attr-defined]


def measure_diff(corpus: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Return the ratios of an unchanged night's diff to one pass of DuckDB."""
    import duckdb

    stand_in()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.parquet"
        write_source(corpus, rows, source)
        first = night(configuration(folder))
        ours, peer = [], []
        for _ in range(rounds):
            ours.append(night(configuration(folder))["diff"])
            started = time.perf_counter()
            with duckdb.connect() as connection:
                connection.execute(PASS, {"path": str(source)}).fetchall()
            peer.append(time.perf_counter() - started)
    ratios = [a / b for a, b in zip(ours, peer, strict=True)]
    return {"rows": rows, "first": first, "diff": ours, "pass": peer, "ratio": spread(ratios)}


def measure_memory(corpus: Path, rows: int) -> dict[str, Any]:
    """Return the peak memory of two whole nights, the first and an unchanged one, in bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_source(corpus, rows, folder / "source.parquet")
        write_vectors(corpus, folder / "vectors.parquet")
        encoder = {"kind": "precomputed", "identity": "hashes", "vectors": str(folder / "vectors.parquet")}
        config = configuration(folder, encoder=encoder, export=[{"name": "matrix", "format": "npy"}])
        for _ in range(2):
            night(config, whole=True)
    return {"rows": rows, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def measure_changed(corpus: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Return what a night with one per cent of other texts takes beyond an unchanged one, with the real model."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            config = configuration(folder, export=[{"name": "matrix", "format": "npy"}], run={"unit_rows": 1024})
            write_source(corpus, rows, folder / "source.parquet")
            first, unchanged = night(config, whole=True), night(config, whole=True)
            write_source(corpus, rows, folder / "source.parquet", lambda row: row % 100 == 7)
            changed = night(config, whole=True)
        ratio = (changed["seconds"] - unchanged["seconds"]) / first["encode"]
        found.append({"first": first, "unchanged": unchanged, "changed": changed, "ratio": ratio})
    return {"rows": rows, "rounds": found, "ratio": spread([each["ratio"] for each in found])}


def measure_commands(corpus: Path, rows: int) -> dict[str, Any]:
    """Return the seconds of `sphering run` as one types it, with its process and its server: first and unchanged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_source(corpus, rows, folder / "source.parquet")
        (folder / "sphering.toml").write_text(
            'corpus = "packages"\n[source]\npath = "source.parquet"\nmetadata = ["section"]\n'
            '[[export]]\nname = "matrix"\nformat = "npy"\n'
        )
        found = []
        for _ in range(2):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-m", "sphering.cli", "run", "-q"], cwd=folder, check=True)
            found.append(time.perf_counter() - started)
    return {"rows": rows, "first": found[0], "unchanged": found[1]}


def measure_bookkeeping(corpus: Path, rows: int, nights: int) -> dict[str, Any]:
    """Return which share of a store is neither text nor vector, after one night and after many."""
    stand_in()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shares, config = {}, configuration(folder)
        write_source(corpus, rows, folder / "source.parquet")
        night(config, whole=True)
        shares["1"] = share(folder / "store")
        for number in range(1, nights + 1):
            write_source(corpus, rows, folder / "source.parquet", lambda row, n=number: row % 1000 < n)
            night(config, whole=True)
        shares[str(nights + 1)] = share(folder / "store")
    return {"rows": rows, "share": shares}


def share(store: Path) -> dict[str, float]:
    """Return the bytes of a store without exports, and the share that is neither text nor vector."""
    total = sum(path.stat().st_size for path in store.rglob("*") if path.is_file() and "exports" not in path.parts)
    content = 0
    for path in store.glob("corpora/*/shards/*/*.parquet"):
        metadata = pq.read_metadata(path)
        for group in range(metadata.num_row_groups):
            columns = [metadata.row_group(group).column(index) for index in range(metadata.num_columns)]
            content += sum(
                column.total_compressed_size
                for column in columns
                if column.path_in_schema == "text" or column.path_in_schema.startswith("embedding")
            )
    return {"bytes": total, "bookkeeping": (total - content) / total}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the smallest and the largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def apart(part: str, **settings: Any) -> dict[str, Any]:
    """Return one part, measured in a process of its own."""
    arguments = [f"--{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure all parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True, help="Parquet with package, section and text.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="Of diff, memory and bookkeeping.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nights", type=int, default=100, help="Nights of 0.1 per cent change.")
    parser.add_argument("--part", choices=["diff", "memory", "changed", "commands", "bookkeeping"])
    given = parser.parse_args()
    if given.part:
        print(json.dumps(_part(given)))
        return
    common = {"corpus": given.corpus, "rounds": given.rounds, "nights": given.nights}
    diff = apart("diff", rows=given.rows, **common)
    print(f"diff of {given.rows:,} unchanged rows / one DuckDB pass: {diff['ratio']}")
    print(f"  seconds {diff['diff']} / {diff['pass']}, the first night {diff['first']}")
    small, large = (apart("memory", rows=rows, **common)["peak"] for rows in (given.rows // 10, given.rows))
    print(f"peak memory of {given.rows:,} rows / {given.rows // 10:,}: {large / small:.2f}")
    print(f"  {large / 1e6:,.0f} / {small / 1e6:,.0f} MB")
    for rows in (3_000, 20_000):
        changed = apart("changed", rows=rows, **common)
        print(f"1 % of {rows:,} rows changed beyond an unchanged night / first encoding: {changed['ratio']}")
        print(f"  {changed['rounds']}")
    commands = apart("commands", rows=3000, **common)
    print(f"whole commands over {commands['rows']:,} rows: {commands}")
    kept = apart("bookkeeping", rows=given.rows, **common)
    print(f"neither text nor vector of {given.rows:,} rows, after so many nights: {kept['share']}")


def _part(given: argparse.Namespace) -> dict[str, Any]:
    if given.part == "diff":
        return measure_diff(given.corpus, given.rows, given.rounds)
    if given.part == "memory":
        return measure_memory(given.corpus, given.rows)
    if given.part == "changed":
        return measure_changed(given.corpus, given.rows, given.rounds)
    if given.part == "commands":
        return measure_commands(given.corpus, given.rows)
    return measure_bookkeeping(given.corpus, given.rows, given.nights)


if __name__ == "__main__":
    main()
