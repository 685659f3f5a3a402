"""Every engine's recipe is executed by a test or says why it cannot be; every program compiles."""

from __future__ import annotations

import re

import pytest
from recipes import EXACT, PREPARED, REQUIREMENTS, SEARCHED, read_preparation, read_recipes, read_table

RECIPES = read_recipes()


def test_the_table_names_every_engine_that_has_a_recipe():
    assert list(read_table()) == list(RECIPES)


def test_every_recipe_is_executed_or_says_why_not():
    assert set(SEARCHED) | set(PREPARED) == set(RECIPES)
    assert set(SEARCHED) & set(PREPARED) == set()
    assert {name for name, recipe in RECIPES.items() if recipe.row["tested"].startswith("yes")} == set(SEARCHED)
    assert {
        name: recipe.row["tested"].split("; ")[-1] for name, recipe in RECIPES.items() if name in PREPARED
    } == PREPARED
    assert set(SEARCHED) >= EXACT


@pytest.mark.parametrize("engine", RECIPES)
def test_every_program_compiles_and_ends_with_what_it_found(engine):
    programs = RECIPES[engine].programs
    assert len(programs) == (2 if engine in PREPARED else 1)
    for number, program in enumerate(programs):
        compile(program, f"{engine} {number}", "exec")
    assert re.search(r"^ *found(\.append\(|\s=)", programs[-1], re.MULTILINE)


@pytest.mark.parametrize("engine", RECIPES)
def test_a_program_loads_the_export_that_the_table_names(engine):
    loads = RECIPES[engine].row["loads"].strip("`")
    named = set(re.findall(r"[\"'](parquet|npy)/", RECIPES[engine].programs[0]))
    assert named == {loads}


def test_the_preparation_pulls_what_the_programs_load():
    commands, program = read_preparation()
    assert {recipe.row["loads"].strip("`") for recipe in RECIPES.values()} == set(
        re.findall(r"--export (\w+)", commands)
    )
    compile(program, "preparation", "exec")


def test_every_environment_is_pinned_and_used():
    files = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in REQUIREMENTS.glob("*.txt")}
    assert set(files) == set(SEARCHED.values()) | {"clients"}
    loose = [line for lines in files.values() for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+|#.*", line)]
    assert loose == []
