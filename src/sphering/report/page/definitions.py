"""The definitions of docs/metrics.md and docs/evaluation.md, which the package carries, as HTML.

A page can link to them without a network.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_EVALUATION = "evaluation."
"""Before the names of docs/evaluation.md: `recall_at_10` alone is an export's."""
_PAGES = {"metrics.md": "", "evaluation.md": _EVALUATION}
_TITLES = {"metrics.md": "", "evaluation.md": "Evaluation: "}
_HEADS = {"metrics.md": ("metric", "number", "name"), "evaluation.md": ("number", "key")}
_CELL = re.compile(r"(?<!\\)\|")
_NAME = re.compile(r"`([a-z0-9_.]+)`")


@dataclass(frozen=True)
class Definition:
    """One row of a table: the names that it defines, and beside each further head what it says, as HTML.

    `names` are those that no row before it defines.
    """

    names: tuple[str, ...]
    title: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """The definitions under one title of the document, which is HTML."""

    title: str
    definitions: tuple[Definition, ...]


@cache
def definitions() -> tuple[Section, ...]:
    """Return the tables of numbers of both pages, by their titles; sections without one are left out."""
    known: set[str] = set()
    # metrics.md lists the names of evaluations too, as what a gate may bound: what they are stands in the other page.
    found = {page: list(_sections(page, known)) for page in reversed(_PAGES)}
    return tuple(section for page in _PAGES for section in found[page] if section.definitions)


@cache
def defined() -> frozenset[str]:
    """Return every name that has a definition."""
    return frozenset(name for section in definitions() for each in section.definitions for name in each.names)


def definition_of(metric: str) -> str | None:
    """Return the name under which a metric is defined, or None: a prefix, as of a space, and a change say of which."""
    plain = metric.rpartition(".")[2]
    names = [metric, plain, plain.removesuffix("_change")]
    if metric.startswith(_EVALUATION):
        of = metric.removesuffix("_change")
        names = [of, *(f"{_EVALUATION}{part}" for part in reversed(of.split(".")[1:]))]
    return next((name for name in names if name in defined()), None)


def _sections(page: str, known: set[str]) -> Iterator[Section]:
    text = files("sphering.report.page").joinpath("templates", page).read_text(encoding="utf-8")
    for title, tables in _tables(text):
        yield Section(as_html(_titled(page, title)), tuple(_rows(page, tables, known)))


def _titled(page: str, title: str) -> str:
    return f"{_TITLES[page]}{title[0].lower()}{title[1:]}" if _TITLES[page] else title


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^#{2,} ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), re.findall(r"(?:^\|.*\n?)+", body, flags=re.MULTILINE)


def _rows(page: str, tables: list[str], known: set[str]) -> Iterator[Definition]:
    for table in tables:
        head, _, *rows = (_cells(line) for line in table.splitlines())
        if head[0] not in _HEADS[page]:
            continue
        for title, *cells in rows:
            written = (f"{_PAGES[page]}{name}" for name in _NAME.findall(title))
            names = tuple(name for name in written if name not in known)
            known.update(names)
            parts = tuple(
                (of, as_html(cell)) for of, cell in zip(head[1:], cells, strict=True) if cell not in ("", "-")
            )
            yield Definition(names, as_html(title), parts)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip()[1:-1])]


def as_html(text: str) -> str:
    """Return a cell of a table as HTML: code and stress; of a link only its words, since it leads out of the page."""
    escaped = html.escape(text, quote=False)
    linked = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", escaped)
    stressed = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", linked)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", stressed)
