"""A package may bring a format: the one that the documentation shows, installed, run, and held to the conformance."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from nights import looked_up

pytestmark = pytest.mark.command
PAGE = Path(__file__).parents[2] / "docs" / "exports.md"
CONFIG = """
corpus = "questions"
[source]
path = "texts.jsonl"
[[export]]
name = "mapped"
format = "arrow"
"""


def blocks_of_the_page() -> dict[str, list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition("## A format of your own")[2].partition("\n## ")[0]
    found: dict[str, list[str]] = {}
    for language, block in re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL):
        found.setdefault(language, []).append(block)
    return found


def installed(folder: Path) -> dict[str, str]:
    """Put the page's package where Python finds it, as an installer would; return the environment."""
    blocks = blocks_of_the_page()
    package = folder / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "arrow.py").write_text(blocks["python"][0])
    metadata = folder / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    points = blocks["toml"][0].replace('project.entry-points."sphering.exports"', "sphering.exports").replace('"', "")
    (metadata / "entry_points.txt").write_text(points)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def started(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_format_of_the_documentation_is_written_by_a_run_and_read_by_its_own_reader(tmp_path, prefect_api):
    environment = installed(tmp_path) | {"PREFECT_API_URL": prefect_api}
    texts = ["my card was stolen", "where is my card", "the rate is wrong", "top up failed", "close my account"]
    rows = "\n".join(json.dumps({"id": f"q-{row}", "text": text}) for row, text in enumerate(texts))
    (tmp_path / "texts.jsonl").write_text(rows)
    encoder = looked_up(tmp_path, texts, 384).items()
    (tmp_path / "sphering.toml").write_text(
        CONFIG + "[encoder]\n" + "".join(f'{key} = "{is_}"\n' for key, is_ in encoder)
    )
    done = started(environment, tmp_path, "sphering.cli", "run", "--json")
    assert done.returncode == 0, done.stderr
    (export,) = json.loads(done.stdout)["exports"]
    assert export["format"] == "arrow"
    pulled = started(environment, tmp_path, "sphering.cli", "pull", "--export", "mapped", "out")
    assert pulled.returncode == 0, pulled.stderr
    with pa.memory_map(str(tmp_path / "out" / "vectors.arrow")) as source:
        table = pa.ipc.open_file(source).read_all()
        assert table["doc_id"].to_pylist() == [f"q-{row}" for row in range(5)]
        assert table.schema.field("vector").type == pa.list_(pa.float32(), 384)
    whole = started(environment, tmp_path, "sphering.cli", "verify")
    assert whole.returncode == 0, whole.stdout + whole.stderr


def test_the_format_of_the_documentation_passes_the_conformance_class(tmp_path):
    environment = installed(tmp_path)
    (tmp_path / "test_arrow.py").write_text(blocks_of_the_page()["python"][1])
    done = started(environment, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_arrow.py")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b2\d passed", done.stdout), done.stdout


def test_a_format_that_loses_what_it_was_given_does_not_pass(tmp_path):
    environment = installed(tmp_path)
    module = tmp_path / "my_package" / "arrow.py"
    code = module.read_text()
    assert "pa.array(vectors.ravel())" in code
    module.write_text(code.replace("pa.array(vectors.ravel())", "pa.array(vectors.ravel() * 1.5)"))
    (tmp_path / "test_arrow.py").write_text(blocks_of_the_page()["python"][1])
    done = started(environment, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_arrow.py")
    assert done.returncode == 1, done.stdout
    assert "test_its_reader_gives_every_document_in_order_with_its_vector" in done.stdout


def test_a_key_that_the_format_does_not_have_is_refused(tmp_path):
    environment = installed(tmp_path)
    (tmp_path / "sphering.toml").write_text(CONFIG + "shard_row = 3\n")
    (tmp_path / "texts.jsonl").write_text('{"id": "1", "text": "one"}\n')
    done = started(environment, tmp_path, "sphering.cli", "plan")
    assert done.returncode == 2
    assert "shard_row" in done.stderr
