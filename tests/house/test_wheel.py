"""The wheel, installed alone into an empty environment, does the main job from a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.command

ROOT = Path(__file__).parents[2]
SOURCES = ("src", "flows", "tasks", "sql", "pyproject.toml", "README.md", "LICENSE")
CONFIG = """
corpus = "tiny"
[source]
path = "texts.jsonl"
[[export]]
name = "matrix"
format = "npy"
"""
QUESTIONS = ["How do I top up?", "Where is my card?", "My card was swallowed", "The transfer has failed"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy of the sources, so that nothing stale under build/ gets into it."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, folder / name)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(folder))
    return next((folder / "dist").glob("sphering-*.whl"))


@pytest.fixture(scope="module")
def alone(wheel, tmp_path_factory) -> Path:
    """Return the scripts of a new environment that has the wheel, and its dependencies by a .pth file."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    # Through a .pth file the folder joins the path, but its own .pth files, the editable install among them, do not.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    _pip(
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        str(wheel),
    )
    return folder / "bin"


def _pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
        cwd="/",
    )


def _output(folder: Path, *command: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PREFECT_API_URL")}
    environment["PREFECT_HOME"] = str(folder / "prefect")
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    wanted = {f"sphering/{path.relative_to(ROOT / 'src' / 'sphering')}" for path in _files(ROOT / "src" / "sphering")}
    for floor in ("flows", "tasks", "sql"):
        wanted |= {f"sphering/{floor}/{path.relative_to(ROOT / floor)}" for path in _files(ROOT / floor)}
    assert sorted(wanted - inside) == []
    assert {name.split("/")[0] for name in inside if ".dist-info/" not in name} == {"sphering"}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_wheel_is_what_the_empty_environment_imports(alone, tmp_path):
    code = "import sphering, sphering.flows, sphering.tasks, sphering.sql as s; print(sphering.__file__, s.__path__)"
    found = _output(tmp_path, str(alone / "python"), "-c", code)
    assert str(alone.parent) in found
    assert str(ROOT) not in found


def test_the_command_of_the_wheel_gives_help(alone, tmp_path):
    text = _output(tmp_path, str(alone / "sphering"), "--help")
    assert "run" in text


def test_the_wheel_alone_runs_the_main_job(alone, tmp_path):
    (tmp_path / "sphering.toml").write_text(CONFIG, encoding="utf-8")
    rows = [json.dumps({"id": str(number), "text": text}) for number, text in enumerate(QUESTIONS)]
    (tmp_path / "texts.jsonl").write_text("\n".join(rows), encoding="utf-8")
    result = json.loads(_output(tmp_path, str(alone / "sphering"), "run", "--json"))
    assert (result["documents"], result["encoded"], result["release_status"]) == (4, 4, "published")
    assert (tmp_path / "store" / result["exports"][0]["path"]).exists()
