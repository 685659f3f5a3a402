"""Environments that have an engine each, and folders in which a recipe of docs/exports.md finds what it loads."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from recipes import REQUIREMENTS, SEARCHED, read_preparation, read_recipes

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ENVIRONMENTS = ROOT / "build" / "engines"
CONFIG = """
corpus = "documents"
[source]
path = "documents.parquet"
metadata = ["title"]
[transform]
kind = "{transform}"
[[export]]
name = "parquet"
format = "parquet"
[[export]]
name = "npy"
format = "npy"
"""
REPORT = """
import json
from pathlib import Path
pairs = [[(doc_id, float(score)) for doc_id, score in hits] for hits in found]
Path("found.json").write_text(json.dumps(pairs), encoding="utf-8")
"""


@pytest.fixture(scope="session")
def environment():
    """Return the interpreter of an environment, which is made where its pins changed; skip where that fails."""

    def interpreter(name: str) -> Path:
        requirements, folder = REQUIREMENTS / f"{name}.txt", ENVIRONMENTS / name
        python, stamp = folder / "bin" / "python", folder / "made-of"
        wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True, symlinks=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
            done = subprocess.run([*install, str(requirements)], capture_output=True, text=True, check=False)
            if done.returncode:
                reason = done.stderr.strip().splitlines()[-1]
                pytest.skip(f"{name} cannot be installed: {reason}; try {' '.join([*install, str(requirements)])}")
            stamp.write_text(wanted, encoding="utf-8")
        return python

    return interpreter


@dataclass(frozen=True)
class Prepared:
    """A folder with the pulled exports and queries.npy, and what exact search says of them."""

    folder: Path
    rows: dict[str, int]
    scores: NDArray[np.float64]

    def beside(self, folder: Path) -> None:
        """Put what a recipe loads into a folder of its own."""
        for name in ("parquet", "npy", "queries.npy"):
            (folder / name).symlink_to(self.folder / name)


@pytest.fixture(scope="session", params=["xquad", "banking77"])
def prepared(request, tmp_path_factory, prefect_api) -> Prepared:
    """Take a corpus through the product, and what docs/exports.md says, to what the recipes load."""
    folder = tmp_path_factory.mktemp(request.param)
    documents, questions, transform = {"xquad": _xquad, "banking77": _banking77}[request.param]()
    documents.write_parquet(folder / "documents.parquet")
    (folder / "questions.txt").write_text("\n".join(questions), encoding="utf-8")
    (folder / "sphering.toml").write_text(CONFIG.format(transform=transform), encoding="utf-8")
    commands, program = read_preparation()
    surroundings = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": prefect_api}
    call(["bash", "-euc", f"sphering run --quiet\n{commands}"], folder, **surroundings)
    call([sys.executable, "-c", program], folder)
    doc_ids = pq.read_table(folder / "npy" / "ids.parquet")["doc_id"].to_pylist()
    queries, vectors = (np.load(folder / name).astype(np.float64) for name in ("queries.npy", "npy/vectors.npy"))
    assert len(doc_ids) == documents.height
    return Prepared(folder, {doc_id: row for row, doc_id in enumerate(doc_ids)}, queries @ vectors.T)


def call(command: list[str], folder: Path, **variables: str) -> None:
    """Run a command in a folder; fail with what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _xquad() -> tuple[pl.DataFrame, list[str], str]:
    """The 240 English paragraphs as they are, and a question on each."""
    paragraphs, questions = (
        pl.read_parquet(EXAMPLES / "xquad" / f"{name}.parquet").filter(pl.col("lang") == "en")
        for name in ("paragraphs", "questions")
    )
    return paragraphs.select("id", "title", "text"), questions["text"].to_list(), "none"


def _banking77() -> tuple[pl.DataFrame, list[str], str]:
    """Every third question to a bank, centred, under ids of several scripts; some of the others ask."""
    rows = pl.read_parquet(EXAMPLES / "banking77" / "banking77.parquet")
    heads = ["é", "Z", "9", "\U0001f600", "a b", "日本", "it's", "x/y"]
    documents = rows[::3].select("text", title="category").with_row_index("id")
    ids = [f"{heads[row % len(heads)]}-{row}" for row in documents["id"]]
    questions = [" ".join(text.split()) for text in rows[1::30]["text"]]
    return documents.with_columns(pl.Series("id", ids)), questions, "center"


@pytest.fixture
def search(environment, prepared, tmp_path):
    """Run an engine's recipe in a fresh process and return what it found: pairs of doc_id and score for each query.

    Of a recipe that is changed, `then` takes the place of `what`.
    """

    def run(engine: str, what: str = "", then: str = "") -> list[list[tuple[str, float]]]:
        python = environment(SEARCHED[engine])
        prepared.beside(tmp_path)
        (program,) = read_recipes()[engine].programs
        assert what in program
        program = program.replace(what, then) if what else program
        (tmp_path / "recipe.py").write_text(program + REPORT, encoding="utf-8")
        call([str(python), "recipe.py"], tmp_path, PYTHONPATH="")
        return json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))

    return run
