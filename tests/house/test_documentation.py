"""The documents say what is there: links lead somewhere, every metric is explained, the two commands stand on top."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest

from sphering.report.catalogue import LABEL_GEOMETRY, SPACE, TEXTS
from sphering.report.comparison.catalogue import COMPARED

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "flows", "tasks", "sql", "tests", "docs", "examples", "benchmarks", ".ci")
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _named_paths(page: Path) -> set[str]:
    """Return what a page names in code as a file or folder of the repository; `<…>` stands for any name."""
    spans = re.findall(r"`([^`\s]+)`", page.read_text(encoding="utf-8"))
    return {span for span in spans if re.match(rf"({'|'.join(FOLDERS)})/|[\w./<>-]+\.(py|md|yaml)$", span)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.iterdir())
    there = [f"/{path.relative_to(ROOT)}" for path in files]
    absent = []
    for span in sorted(_named_paths(page)):
        start = "" if span.split("/")[0] in FOLDERS else "*"
        if not fnmatch.filter(there, f"{start}/{re.sub('<[^>]+>', '*', span).rstrip('/')}"):
            absent.append(span)
    assert absent == []


def test_the_two_commands_stand_at_the_top_of_the_readme():
    top = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:10]
    assert [line.split("#")[0].strip() for line in top if line.startswith("    ")] == ["make demo", "make test"]


def test_every_metric_of_a_report_is_explained():
    explained = set(re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")))
    assert sorted({*SPACE, *TEXTS, *LABEL_GEOMETRY, *COMPARED} - explained) == []


def test_every_page_of_the_documentation_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = sorted(page.name for page in (ROOT / "docs").glob("*.md"))
    assert [page for page in pages if f"docs/{page}" not in readme] == []


def test_every_example_names_its_source_and_its_licence():
    silent = []
    for folder in sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir()):
        text = (folder / "README.md").read_text(encoding="utf-8")
        named = {"**Source.**", "**Licence", "**Run it**", "**What to expect"} <= {
            mark for mark in ("**Source.**", "**Licence", "**Run it**", "**What to expect") if mark in text
        }
        if not named or not (folder / "LICENSE").exists():
            silent.append(folder.name)
    assert silent == []


def test_the_repositorys_data_stay_small():
    sizes = [path.stat().st_size for folder in ("examples", "tests") for path in _data(ROOT / folder)]
    assert sum(sizes) < 6_000_000


def _data(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"} and not any("store" in part for part in path.parts)
    ]
