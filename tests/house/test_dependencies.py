"""What is imported is declared, what is declared is justified, and what resolves together is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)
# What a declared package brings along and hands to its users.
CARRIED = {
    "markupsafe": "jinja2",
    "huggingface-hub": "sentence-transformers",
    "tokenizers": "sentence-transformers",
    "transformers": "sentence-transformers",
    "uvicorn": "prefect",
    "aiohttp": "s3fs",
    "botocore": "s3fs",
}


def _imported() -> set[str]:
    """Return the distributions whose modules the product imports."""
    modules = set()
    for folder in ("src", "flows", "tasks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    modules.add(node.module.split(".")[0])
    owners = packages_distributions()
    outside = modules - set(sys.stdlib_module_names) - {"sphering"}
    return {canonicalize_name(owners.get(module, [module])[0]) for module in outside}


def test_everything_imported_is_declared():
    declared = {
        canonicalize_name(one.name) for one in [*DECLARED, *(one for extra in EXTRAS.values() for one in extra)]
    }
    assert sorted(name for name in _imported() if CARRIED.get(name, name) not in declared) == []


def test_every_dependency_is_pinned_within_its_range():
    wanted = [*DECLARED, *(one for extra in EXTRAS.values() for one in extra)]
    pins = {canonicalize_name(name): Version(version) for name, version in PINS.items()}
    missing = sorted(one.name for one in wanted if canonicalize_name(one.name) not in pins)
    assert missing == []
    assert [str(one) for one in wanted if pins[canonicalize_name(one.name)] not in one.specifier] == []


def test_every_dependency_is_justified_in_the_design():
    table = (ROOT / "docs" / "design.md").read_text(encoding="utf-8").split("## Dependencies")[1]
    named = set(re.findall(r"[a-z0-9-]+", table.lower()))
    assert sorted(one.name for one in DECLARED if one.name not in named) == []


def test_no_registry_host_is_written_down():
    hosts = re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian\.org|index-url|find-links", re.IGNORECASE)
    files = ["Makefile", "constraints.txt", "pyproject.toml", ".ci/run", "README.md", "CONTRIBUTING.md"]
    assert [name for name in files if hosts.search((ROOT / name).read_text(encoding="utf-8"))] == []
