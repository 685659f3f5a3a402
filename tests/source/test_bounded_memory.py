"""Memory follows the configuration, not the corpus: measured as the peak of a process of its own."""

import gzip
import json
import subprocess
import sys
import textwrap

import pytest

MEGABYTE = 1 << 20
PROGRAM = textwrap.dedent("""
    import json, resource, sys
    from pathlib import Path
    from sphering.config.model import Config
    from sphering.source import stage

    source, out = json.loads(sys.argv[1]), Path(sys.argv[2])
    staged = stage(Config(corpus="t", source=source, run={"memory": "64MB"}), out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"documents": staged.documents, "reasons": staged.reasons, "peak": peak * 1024}))
""")


@pytest.fixture
def measure(tmp_path):
    def measure(**source):
        command = [sys.executable, "-c", PROGRAM, json.dumps(source), str(tmp_path / "out")]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return measure


@pytest.fixture
def idle(measure, tmp_path):
    (tmp_path / "small.jsonl").write_text('{"id": 1, "text": "t"}\n')
    return measure(path=str(tmp_path / "small.jsonl"))["peak"]


def test_a_corpus_larger_than_the_limit_is_sorted_on_disk(measure, idle, tmp_path):
    with (tmp_path / "a.jsonl").open("w") as stream:
        for n in range(40_000):
            stream.write(json.dumps({"id": n * 7919 % 40_009, "text": f"{n} " * 900}) + "\n")
    size = (tmp_path / "a.jsonl").stat().st_size
    found = measure(path=str(tmp_path / "a.jsonl"))
    assert found["documents"] == 40_000
    assert size > 180 * MEGABYTE
    assert found["peak"] - idle < 150 * MEGABYTE


@pytest.mark.parametrize(
    ("name", "head", "tail"),
    [
        ("a.jsonl.gz", b'{"id": "x", "text": "', b'"}\n{"id": "y", "text": "after"}\n'),
        ("a.json.gz", b'[{"id": "x", "text": "', b'"}, {"id": "y", "text": "after"}]'),
        ("a.csv.gz", b"id,text\nx,", b"\ny,after\n"),
        ("a.lines.gz", b"", b"\nafter\n"),
    ],
)
def test_one_endless_row_is_quarantined_and_never_held(name, head, tail, measure, idle, tmp_path):
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as stream:
        stream.write(head)
        for _ in range(150):
            stream.write(b"word " * (MEGABYTE // 5))
        stream.write(tail)
    found = measure(path=str(tmp_path / name))
    assert (found["documents"], found["reasons"]) == (1, {"too-long": 1})
    assert found["peak"] - idle < 80 * MEGABYTE
