"""Units of work: every document in one of them, in text-hash order, within the run's memory."""

import hashlib
import random
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.run.begin import begin
from sphering.run.ingest import ingest
from sphering.run.unit_cut import UNIT_BYTES, UnitCut
from sphering.run.units import plan_units, texts_a_unit, unit_path
from sphering.run.workspace import Workspace
from sphering.store.shard import HASH

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
    assert [len(hashes) for hashes in distinct] == [30, 30, 28]  # of 32 at most, shared evenly
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


def texts_of(workspace, units):
    return [pq.read_table(unit_path(workspace, unit))["text"].to_pylist() for unit in range(units.count)]


def test_a_unit_of_long_texts_ends_before_it_outgrows_memory(corpus):
    documents = [(f"d-{number}", f"{number} " * 150_000) for number in range(100, 300)]
    workspace = staged(corpus(documents, run={"unit_rows": 1000}))
    texts = texts_of(workspace, plan_units(workspace.path))
    assert [len(unit) for unit in texts] == [112, 88]
    assert sum(map(len, texts[0])) - len(texts[0][-1]) < UNIT_BYTES


def test_a_unit_of_texts_with_many_ids_ends_before_it_outgrows_memory_and_no_text_is_divided(corpus):
    documents = [(f"{text}-{number}", f"text {text}") for text in range(10) for number in range(30)]
    documents += [(f"much-{number}", "a text of very many ids") for number in range(500)]
    workspace = staged(corpus(documents, run={"unit_rows": 4}))
    texts = texts_of(workspace, plan_units(workspace.path))
    assert sorted(text for unit in texts for text in unit) == sorted(text for _, text in documents)
    assert all(len(set(unit)) <= 3 for unit in texts)
    assert len([unit for unit in texts if "a text of very many ids" in unit]) == 1


@given(texts=st.integers(0, 10_000), most=st.integers(1, 5_000))
def test_texts_are_shared_evenly_among_as_few_units_as_hold_them(texts, most):
    each = texts_a_unit(texts, most)
    assert 1 <= each <= most
    fewest, last = -(-texts // most), texts % each or each
    assert -(-texts // each) == fewest
    assert fewest < 2 or each - last < fewest


def naive_units(rows, unit_rows):
    """The cut, written down row by row."""
    found, unit, held, last = [], 0, [set(), 0, 0], None
    for text, weight in rows:
        full = len(held[0]) >= unit_rows or held[1] >= 16 * unit_rows or held[2] >= UNIT_BYTES
        if text != last and full:
            unit, held = unit + 1, [set(), 0, 0]
        held = [held[0] | {text}, held[1] + 1, held[2] + weight]
        last = text
        found.append(unit)
    return found


@settings(deadline=None)
@given(
    texts=st.lists(st.tuples(st.integers(1, 40), st.sampled_from([10, UNIT_BYTES // 7, 2 * UNIT_BYTES])), max_size=20),
    unit_rows=st.integers(1, 4),
    batch=st.integers(1, 30),
)
def test_the_cut_does_not_depend_on_the_batches_that_rows_come_in(texts, unit_rows, batch):
    rows = [(number, weight) for number, (copies, weight) in enumerate(texts) for _ in range(copies)]
    cut, found = UnitCut(unit_rows), []
    for start in range(0, len(rows) + 1, batch):
        part = rows[start : start + batch]
        hashes = pa.array([text.to_bytes(32, "big") for text, _ in part], HASH)
        found += cut.take(hashes, np.array([weight for _, weight in part], np.int64)).tolist()
    assert found == naive_units(rows, unit_rows)
    assert cut.count == len(set(found))
    assert cut.count <= UnitCut(unit_rows).at_most(len(texts), len(rows), sum(weight for _, weight in rows))


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
