"""The memory of a whole run follows its configuration and not the corpus: peaks of processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MEGABYTE = 1 << 20
WORDS, DIMENSION, LENGTH = 2_000, 384, 120


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """Word vectors of 384 dimensions, of which an encoder makes many vectors in little time."""
    path = tmp_path_factory.mktemp("vectors") / "words.vec"
    rows = np.random.default_rng(1).normal(size=(WORDS, DIMENSION)).round(3)
    lines = (f"word{number} {' '.join(map(str, row))}\n" for number, row in enumerate(rows.tolist()))
    path.write_text(f"{WORDS} {DIMENSION}\n{''.join(lines)}")
    return path


@pytest.fixture
def peak(vectors, tmp_path):
    """Run over so many documents of about 1 KB in a process of its own; return its peak and the bytes of its data."""

    def measure(count):
        folder = tmp_path / str(count)
        folder.mkdir()
        words = np.random.default_rng(2).integers(0, WORDS, size=(count, LENGTH))
        texts = [" ".join(f"word{word}" for word in row) for row in words.tolist()]
        pq.write_table(pa.table({"id": [str(n) for n in range(count)], "text": texts}), folder / "rows.parquet")
        config = {
            "corpus": "words",
            "store": str(folder / "store"),
            "source": {"path": str(folder / "rows.parquet")},
            "encoder": {"kind": "word-vectors", "path": str(vectors)},
            "transform": {"kind": "center"},
            "report": {"sample": 100},
            "run": {"memory": "64MB", "unit_rows": 2048, "workers": 2},
        }
        (folder / "config.json").write_text(json.dumps(config))
        command = [sys.executable, __file__, str(folder / "config.json")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1]), sum(map(len, texts)) + count * DIMENSION * 4

    return measure


def test_a_corpus_nearly_four_times_as_large_takes_no_more_memory(peak):
    small, small_data = peak(30_000)
    large, large_data = peak(110_000)
    grown = large_data - small_data
    assert grown > 180 * MEGABYTE
    # Peaks of one and the same corpus differ by some 60 MB: what threads hold at once is their schedule's.
    assert large - small < grown * 0.4, (small, large)
    assert large < 600 * MEGABYTE


def _drive():
    """Run with all workers that the configuration has at once, and print the peak of this process in bytes."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from nights import release

    from sphering.config.model import Config
    from sphering.run.begin import begin
    from sphering.run.commit import commit_snapshot
    from sphering.run.embed import embed_unit, load_encoder
    from sphering.run.finish import finish
    from sphering.run.ingest import ingest
    from sphering.run.units import plan_units

    config = Config.model_validate_json(Path(sys.argv[1]).read_text())
    workspace = begin(config)
    ingest(workspace)
    units = plan_units(workspace)
    load_encoder(workspace)
    with ThreadPoolExecutor(config.run.workers) as pool:
        assert len(list(pool.map(partial(embed_unit, workspace), range(units.count)))) > 5
    commit_snapshot(workspace)
    release(workspace)
    finish(workspace)
    # Not ru_maxrss, in which a process that a large one starts has that one's memory as well.
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    sys.stdout.write(f"{int(line.split()[1]) * 1024}\n")


if __name__ == "__main__":
    _drive()
