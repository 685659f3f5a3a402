"""The tutorial is executed as it stands, and so is the way to read a store that docs/store.md gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def _environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PREFECT_HOME": str(folder / "prefect"), "COLUMNS": "120"}


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> tuple[Path, list[str]]:
    """Type every command of the tutorial in one shell; return its folder and what each block printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    mark = "=== end of a block ==="
    script = "set -eu\n" + "".join(f"{block}\necho '{mark}'\n" for block in _blocks("tutorial.md", "sh"))
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout.split(mark)[:-1]


def test_every_command_of_the_tutorial_works(followed):
    _, printed = followed
    assert len(printed) == len(_blocks("tutorial.md", "sh"))
    assert all(part.strip() for part in printed[1:])


def test_the_tutorials_second_night_is_unchanged(followed):
    _, printed = followed
    unchanged = [number for number, part in enumerate(printed) if "unchanged" in part]
    assert unchanged


def test_a_snapshot_is_read_with_polars_alone(followed):
    folder, _ = followed
    (snippet,) = _blocks("store.md", "python")
    code = snippet + "\nprint(documents.height, vectors.shape[1], vectors.dtype)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder / "first", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    height, width, dtype = done.stdout.split()
    assert (int(height) > 3, int(width), dtype) == (True, 384, "float32")


def test_the_snippet_that_searches_the_pulled_index_finds_a_document_by_its_own_vector(followed):
    folder, _ = followed
    (snippet,) = (block for block in _blocks("exports.md", "python") if "faiss" in block)
    code = f"""
import numpy as np, sphering
release = sphering.open("../first/store")
release = release.corpus(release.corpora()[0]).release("published")
first = next(release.vectors())
raw_query_vectors = np.asarray(first["embedding"].flatten()).reshape(len(first), -1)[:20]
{snippet}
print([ids[int(row)].as_py() for row in rows[:, 0]] == first["doc_id"].to_pylist()[:20])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder / "serving", capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[-1:] == ["True"], done.stdout + done.stderr
