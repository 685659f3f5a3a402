"""Every file of tests/data/nasty through a run, with the real model: the sums add up wherever they stand."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from nights import carry

from sphering.config.load import load
from sphering.maintenance.verify import verify
from sphering.store.store import Store

pytestmark = pytest.mark.command

NASTY = Path(__file__).parents[1] / "data" / "nasty"
SOURCES = {
    "lines": [
        "GraphemeBreakTest.txt",
        "blns.txt",
        "emoji-test.txt",
        "emoji-zwj-sequences.txt",
        "gen_huge_line.txt",
        "gen_invalid_utf8.txt",
        "utf8tests.bin",
        "utf8tests.txt",
    ],
    "jsonl": ["gen_unicode_cases.jsonl"],
    "json": ["blns.json"],
    "text": ["README.md", "blns.LICENSE", "unicode-data.copyright", "utf8tests.LICENSE"],
}
REASONS = {
    "lines": {"empty": 512, "invalid-utf8": 164, "nul": 4, "too-long": 1},
    "jsonl": {"empty": 3, "nul": 1, "surrogate": 2},
    "json": {"empty": 2},
    "text": {},
}


def _typed(sphering, folder):
    """Return what the command prints; the kind with every reason goes through it, the others take the same steps."""
    outcome = sphering("run", "--json", cwd=folder)
    assert outcome.code == 0, outcome.err
    return outcome.json


def test_every_nasty_file_is_run():
    assert sorted(path.name for path in NASTY.iterdir()) == sorted(name for names in SOURCES.values() for name in names)


@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_the_sums_of_a_nasty_corpus_add_up(kind, sphering, tmp_path):
    (tmp_path / "sphering.toml").write_text(
        f"""
        corpus = "nasty"
        [source]
        path = {json.dumps([str(NASTY / name) for name in SOURCES[kind]])}
        format = "{kind}"
        [encoder]
        backend = "torch"
        max_length = 4
        [report]
        sample = 100
        [[gate]]
        metric = "quarantined_share"
        max = 1
        [[export]]
        name = "npy"
        format = "npy"
        """,
        encoding="utf-8",
    )
    found = _typed(sphering, tmp_path) if kind == "lines" else carry(load(tmp_path / "sphering.toml"))
    assert found["rows_read"] == found["documents"] + found["quarantined"] + found["duplicates"]
    assert found["quarantined"] == sum(REASONS[kind].values())

    corpus = Store.open(tmp_path / "store").corpus("nasty")
    (record,) = corpus.run_records()
    names = ("rows_read", "documents", "quarantined", "duplicates", "release_status")
    assert {name: record[name] for name in names} == {name: found[name] for name in names}
    assert record["reasons"] == REASONS[kind]
    if found["quarantined"]:
        rows = pq.read_table(corpus.files.path(corpus.layout.quarantine(found["run"])))["reason"].to_pylist()
        assert {reason: rows.count(reason) for reason in sorted(set(rows))} == REASONS[kind]
    assert corpus.manifest(found["snapshot"]).documents == found["documents"]
    assert verify(corpus).sound
