"""The recipes of docs/exports.md: what the page says of each engine, and how the tests run it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "exports.md"
REQUIREMENTS = Path(__file__).parent / "engines" / "requirements"

# The engine, and the environment that has it: a file of REQUIREMENTS.
SEARCHED = {
    "LanceDB": "lancedb",
    "Milvus": "milvus",
    "Chroma": "chroma",
    "sqlite-vec": "libraries",
    "DuckDB vss": "vss",
    "zvec": "zvec",
    "voyager": "libraries",
    "SVS": "libraries",
    "annoy": "libraries",
    "NGT": "ngt",
}
EXACT = {"sqlite-vec"}
# What no test can start, and why: their first program, which makes what is loaded, is run; the second cannot be.
PREPARED = {
    "Weaviate": "the search needs a running server",
    "Pinecone": "the import needs an account",
    "Vespa": "the search needs a running server",
}


@dataclass(frozen=True)
class Recipe:
    """One engine's row in the table of the page, and the programs of its section."""

    engine: str
    row: dict[str, str]
    programs: tuple[str, ...]


def read_recipes() -> dict[str, Recipe]:
    """Return the recipes of the page by engine."""
    rows = read_table()
    return {
        engine: Recipe(engine, rows.get(engine, {}), tuple(_fenced("python", text)))
        for engine, text in re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", _part(), re.MULTILINE | re.DOTALL)
    }


def read_table() -> dict[str, dict[str, str]]:
    """Return the rows of the table by engine, each cell by its column."""
    lines = [line.strip("|").split("|") for line in _part().splitlines() if line.startswith("|")]
    columns, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return {re.sub(r"\[(.*?)\].*", r"\1", row[0]): dict(zip(columns, row, strict=True)) for row in rows}


def read_preparation() -> tuple[str, str]:
    """Return the commands that pull the exports and the program that encodes queries."""
    (commands,), (program,) = (_fenced(language, _part().split("\n### ")[0]) for language in ("sh", "python"))
    return commands, program


def _part() -> str:
    """Return what stands under the heading Recipes."""
    return re.split(r"^## ", PAGE.read_text(encoding="utf-8").split("\n## Recipes\n")[1], flags=re.MULTILINE)[0]


def _fenced(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
