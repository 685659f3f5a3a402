"""A package may bring a kind of encoder: the one that the documentation shows, installed and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.command
PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"
CONFIG = """
corpus = "letters"
[source]
path = "texts.jsonl"
[encoder]
kind = "letters"
alphabet = "abcde"
"""


def installed(folder: Path) -> dict[str, str]:
    """Put the page's package where Python finds it, as an installer would; return the environment."""
    module = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8").partition("of your own")[2], re.DOTALL)
    entry = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8").partition("of your own")[2], re.DOTALL)
    assert module
    assert entry
    package = folder / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "letters.py").write_text(module.group(1))
    metadata = folder / "my_package-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    points = entry.group(1).replace('project.entry-points."sphering.encoders"', "sphering.encoders").replace('"', "")
    (metadata / "entry_points.txt").write_text(points)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def sphering(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphering.cli", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_encoder_of_the_documentation_runs_and_answers_a_search(tmp_path, prefect_api):
    environment = installed(tmp_path) | {"PREFECT_API_URL": prefect_api}
    (tmp_path / "sphering.toml").write_text(CONFIG)
    texts = ["a bad cab", "deed", "abc", "dead", "fade"]
    rows = "\n".join(f'{{"id": "{number}", "text": "{text}"}}' for number, text in enumerate(texts))
    (tmp_path / "texts.jsonl").write_text(rows)
    done = sphering(environment, tmp_path, "run", "--json")
    assert done.returncode == 0, done.stderr
    assert '"documents": 5' in done.stdout
    found = sphering(environment, tmp_path, "search", "bad cab a", "--json", "-k", "1")
    assert found.returncode == 0, found.stderr
    assert '"doc_id": "0"' in found.stdout


def test_a_key_that_this_kind_does_not_have_is_refused_with_those_that_it_has(tmp_path):
    environment = installed(tmp_path)
    (tmp_path / "sphering.toml").write_text(CONFIG.replace("alphabet", "alphabets"))
    done = sphering(environment, tmp_path, "plan")
    assert done.returncode == 2
    assert "did you mean `alphabet`?" in done.stderr


def test_a_kind_that_no_package_brings_is_refused_with_those_that_there_are(tmp_path):
    (tmp_path / "sphering.toml").write_text(CONFIG)
    done = sphering(dict(os.environ), tmp_path, "plan")
    assert done.returncode == 2
    assert "no encoder of the kind 'letters'" in done.stderr
    assert "sentence-transformers" in done.stderr
