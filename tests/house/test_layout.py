"""Where things lie: the tree, its packages, its names, its sizes."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {"sphering": ROOT / "src" / "sphering", "sphering.flows": ROOT / "flows", "sphering.tasks": ROOT / "tasks"}
SQL = ROOT / "sql"
MODULES = sorted(path for folder in FLOORS.values() for path in folder.rglob("*.py"))
STATEMENTS = sorted(SQL.rglob("*.sql"))
PYTHON = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_package_list_of_pyproject_equals_the_tree():
    settings = _settings()["tool"]["setuptools"]
    found = {"sphering.sql"}
    for name, folder in FLOORS.items():
        inside = (path.parent.relative_to(folder) for path in folder.rglob("__init__.py"))
        found |= {".".join((name, *path.parts)) for path in inside}
    assert sorted(settings["packages"]) == sorted(found)
    assert settings["package-dir"] == {
        "sphering": "src/sphering",
        "sphering.flows": "flows",
        "sphering.tasks": "tasks",
        "sphering.sql": "sql",
    }


def test_every_folder_with_python_files_is_a_package():
    folders = {path.parent for path in MODULES}
    assert [_relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_flow_and_task_files_are_not_named_like_the_standard_library(folder):
    names = {path.stem for path in (ROOT / folder).rglob("*.py")}
    assert names & (set(sys.stdlib_module_names) - {"__init__", "__main__"}) == set()


@pytest.mark.parametrize("folder", ["flows", "tasks"])
def test_flow_and_task_files_keep_their_annotations_alive(folder):
    # `serve` and the parameter schema read annotations; as strings they break.
    with_future = [
        _relative(path)
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"^from __future__ import", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert with_future == []


def test_every_statement_says_what_it_is_for():
    silent = [
        _relative(path)
        for path in STATEMENTS
        if not re.match(r"-- .{10,}", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert silent == []


def test_every_statement_is_loaded_by_name_and_every_name_exists():
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    names = {str(path.relative_to(SQL).with_suffix("")) for path in STATEMENTS}
    unused = sorted(name for name in names if not re.search(rf"[\"'/]{re.escape(name)}[\"']", text))
    assert unused == []
    loaded = set(re.findall(r"(?:sqltext\.)?\bload\(\s*[\"']([a-z0-9_/]+)[\"']\s*\)", text))
    assert loaded - names == set()


def test_no_file_needs_scrolling_for_long():
    long = {_relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_nothing_is_left_to_do():
    promise = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = []
    for path in PYTHON:
        source = path.read_text(encoding="utf-8")
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = (token for token in tokens if token.type == tokenize.COMMENT)
        found += [f"{_relative(path)}:{token.start[0]}" for token in comments if promise.search(token.string)]
        names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
        found += [f"{_relative(path)}:{node.lineno}" for node in names if node.id == "NotImplementedError"]
    for path in STATEMENTS:
        found += [_relative(path)] if promise.search(path.read_text(encoding="utf-8")) else []
    assert found == []


def test_names_are_the_vocabularys_not_the_workshops():
    vague = re.compile(r"(^|_)(helpers?|utils?|managers?|handlers?|misc|common)($|_)", re.IGNORECASE)
    camel = re.compile(r"(Helper|Util|Manager|Handler)s?($|[A-Z])")
    found = [_relative(path) for path in [*PYTHON, *STATEMENTS] if vague.search(path.stem)]
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
                vague.search(node.name) or camel.search(node.name)
            ):
                found.append(f"{_relative(path)}: {node.name}")
    assert found == []


def _asserts(node: ast.AST, known: set[str]) -> bool:
    """Return whether code asserts itself, or calls one of the functions that are known to."""
    calls = {
        getattr(one.func, "id", getattr(one.func, "attr", "")) for one in ast.walk(node) if isinstance(one, ast.Call)
    }
    checked = any(one.arg == "check" for one in ast.walk(node) if isinstance(one, ast.keyword))
    refuses = any(name.startswith(("check", "verify")) for name in calls)  # these raise where something is wrong
    return checked or refuses or bool(calls & known) or any(isinstance(one, ast.Assert) for one in ast.walk(node))


def test_every_test_asserts():
    silent = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        functions = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        known = {"raises", "warns", "fail"}
        for _ in range(3):  # a test may ask through a function that asks through another
            known |= {node.name for node in functions if _asserts(node, known)}
        tests = (node for node in functions if node.name.startswith("test_"))
        silent += [f"{_relative(path)}: {node.name}" for node in tests if not _asserts(node, known)]
    assert silent == []
