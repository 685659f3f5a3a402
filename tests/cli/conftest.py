"""The command as a person types it: a process of its own, with its own Prefect home."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def sphering(tmp_path_factory, prefect_api):
    """Run `sphering ARGUMENTS` in a folder; the environment says nothing of Prefect but where its home and server are.

    A variable that is given as None is taken out of the environment.
    """
    home = tmp_path_factory.mktemp("prefect-home")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}

    def run(*arguments, cwd, **environment):
        prefect = {"PREFECT_HOME": str(home), "PREFECT_API_URL": prefect_api}
        given = {**kept, **prefect, "COLUMNS": "80", "LINES": "24", **environment}
        done = subprocess.run(
            [sys.executable, "-m", "sphering.cli", *map(str, arguments)],
            cwd=cwd,
            env={name: value for name, value in given.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def write_corpus():
    """Write a small corpus of three documents with a configuration into a folder."""

    def write(folder: Path, extra: str = "", rows: list[dict] | None = None) -> Path:
        rows = rows if rows is not None else [{"id": str(i), "text": f"document number {i}"} for i in range(3)]
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        file = folder / "sphering.toml"
        file.write_text(f'corpus = "small"\n[source]\npath = "rows.jsonl"\n{extra}', encoding="utf-8")
        return file

    return write
