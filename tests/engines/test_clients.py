"""Programs that no test can run call what their clients have: mypy reads them against the installed packages."""

from __future__ import annotations

import subprocess
import sys

import pytest
from recipes import PREPARED, read_recipes

pytestmark = pytest.mark.engines

SETTINGS = "[mypy]\ncheck_untyped_defs = true\nfollow_untyped_imports = true\n"
STUBLESS = "[mypy-pyarrow.*]\nignore_missing_imports = true\nfollow_imports = skip\n"


@pytest.fixture
def complaints(environment, tmp_path):
    """Return what mypy says of a program."""

    def ask(program: str) -> str:
        (tmp_path / "recipe.py").write_text(program, encoding="utf-8")
        (tmp_path / "mypy.ini").write_text(SETTINGS + STUBLESS, encoding="utf-8")
        command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", ".cache"]
        command += ["--python-executable", str(environment("clients")), "recipe.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return ask


@pytest.mark.parametrize("engine", PREPARED)
def test_a_program_that_cannot_run_calls_what_its_client_has(engine, complaints):
    assert complaints("\n".join(read_recipes()[engine].programs)) == ""


@pytest.mark.parametrize(
    ("engine", "call"), [("Weaviate", "near_vector("), ("Pinecone", "start_import("), ("Vespa", "httpx.post(")]
)
def test_a_call_that_a_client_does_not_have_is_seen(engine, call, complaints):
    program = "\n".join(read_recipes()[engine].programs)
    assert call in program
    assert "has no attribute" in complaints(program.replace(call, call.replace("(", "_(")))
