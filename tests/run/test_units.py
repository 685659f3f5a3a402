"""Units of work: every document in one of them, in text-hash order, within the run's memory."""

import hashlib
import random
import resource
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.run.begin import begin
from sphering.run.ingest import ingest
from sphering.run.units import plan_units, unit_path
from sphering.run.workspace import Workspace

MEGABYTE = 1 << 20


def staged(config):
    workspace = begin(config)
    ingest(workspace)
    return Workspace(workspace)


def test_every_document_is_in_one_unit_and_every_unit_is_in_text_hash_order(corpus):
    random.seed(1)
    texts = [f"text {number}" for number in range(90)]
    documents = [(f"d-{number:03d}", random.choice(texts)) for number in range(300)]
    workspace = staged(corpus(documents))
    units = plan_units(workspace.path)
    parts = [pq.read_table(unit_path(workspace, unit)) for unit in range(units.count)]
    found = [(row["text_hash"], row["doc_id"], row["text"]) for part in parts for row in part.to_pylist()]
    assert found == sorted((hashlib.sha256(text.encode()).digest(), name, text) for name, text in documents)
    distinct = [part["text_hash"].combine_chunks().unique() for part in parts]
    assert [len(hashes) for hashes in distinct] == [32] * (units.count - 1) + [units.encode % 32 or 32]
    assert units.encode == len({text for _, text in documents})


def test_more_units_than_files_may_be_open_are_cut(corpus):
    documents = [(f"d-{number:04d}", f"text {number}") for number in range(1500)]
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    workspace = staged(corpus(documents, run={"unit_rows": 1}))
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, limit[1]))
    try:
        units = plan_units(workspace.path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    assert units.count == 1500
    hashes = [pq.read_table(unit_path(workspace, unit))["text_hash"][0].as_py() for unit in range(units.count)]
    assert hashes == sorted(hashlib.sha256(text.encode()).digest() for _, text in documents)


@pytest.fixture
def large(tmp_path, corpus):
    """A configuration over 200 MB of texts that compress badly, with 64 MB for the run."""
    generator = random.Random(7)
    path = tmp_path / "large.parquet"
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for part in range(40):
            texts = [generator.randbytes(2500).hex() for _ in range(1000)]
            writer.write_table(pa.table({"id": [f"{part}-{n}" for n in range(1000)], "text": texts}, schema))
    return corpus([], source={"path": str(path)}, run={"memory": "64MB", "unit_rows": 512})


def test_a_corpus_larger_than_the_memory_of_the_run_is_cut_into_units(large, tmp_path):
    config = tmp_path / "large.json"
    config.write_text(large.model_dump_json(exclude_unset=True))
    done = subprocess.run([sys.executable, __file__, str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    units, grown = map(int, done.stdout.split())
    assert units == 79
    assert grown < 200 * MEGABYTE


def cut_in_a_process():
    """Print the number of units, and by how many bytes the process grew while they were cut."""
    from pathlib import Path

    from sphering.config.model import Config

    workspace = staged(Config.model_validate_json(Path(sys.argv[1]).read_text()))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    units = plan_units(workspace.path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    sys.stdout.write(f"{units.count} {grown * 1024}\n")


if __name__ == "__main__":
    cut_in_a_process()
