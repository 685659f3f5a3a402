"""A copy of a store that is made while a run works in it, in the order of docs/operations.md, is a store."""

import itertools
import random
import re
import shutil
from pathlib import Path

import pytest
from nights import encode, small

from sphering.maintenance.verify import verify
from sphering.run.assemble import assemble_release
from sphering.run.begin import begin
from sphering.run.commit import commit_snapshot
from sphering.run.evaluate import evaluate
from sphering.run.finish import finish
from sphering.run.fit import settle_transform
from sphering.run.ingest import ingest
from sphering.run.release import publish
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
STEPS = (begin, ingest, encode, commit_snapshot, evaluate, settle_transform, assemble_release, publish, finish)
TABLES = {"transform": {"kind": "center"}, "run": {"unit_rows": 16}}


def order():
    """Return the parts of a store in the order in which the page copies them."""
    (parts,) = re.findall(r"^ +for part in ([a-z ]+); do$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return parts.split()


def documents(count):
    return [(f"q-{number}", f"question number {number} about a card") for number in range(count)]


@pytest.fixture(scope="module")
def states(run, tmp_path_factory):
    """The store of a first night, and as each step of a second night left it."""
    folder = tmp_path_factory.mktemp("nights")
    run(small(folder, documents(40), **TABLES))
    config = small(folder, documents(60), **TABLES)
    taken, workspace = [], None
    for step in (None, *STEPS):
        if step is not None:
            made = step(config if workspace is None else workspace)
            workspace = made if workspace is None else workspace
        taken.append(Path(shutil.copytree(folder / "store", folder / f"state-{len(taken)}")))
    return taken


def copy(states, parts, moments, backup):
    """Copy each part as it is at its moment, what is there already left alone; return the copy's corpus."""
    backup.mkdir(exist_ok=True)
    shutil.copyfile(states[0] / "store.json", backup / "store.json")
    for part, moment in zip(parts, moments, strict=True):
        for source in (states[moment] / "corpora").glob(f"*/{part}"):
            for file in (path for path in source.rglob("*") if path.is_file()):
                target = backup / file.relative_to(states[moment])
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    shutil.copyfile(file, target)
    return Store.open(backup).corpus("questions")


def schedules(parts, states, count):
    """Return moments at which the parts are copied, never backwards: every two moments, and some at random."""
    generator, last = random.Random(5), len(states) - 1
    cut = [(0,) * n + (last,) * (parts - n) for n in range(parts + 1)]
    drawn = [tuple(sorted(generator.choices(range(last + 1), k=parts))) for _ in range(count)]
    return dict.fromkeys([*cut, *drawn])


def test_a_copy_made_in_the_documented_order_during_a_night_is_whole_whenever_each_part_was_copied(states, tmp_path):
    parts, published = order(), set()
    for number, moments in enumerate(schedules(len(parts), states, 30)):
        corpus = copy(states, parts, moments, tmp_path / str(number))
        found = verify(corpus)
        assert found.wrong == [], moments
        release = corpus.release(corpus.refs.read("main", PUBLISHED).release)
        published.add(corpus.manifest(release.snapshot).documents)
        shutil.rmtree(tmp_path / str(number))
    assert published == {40, 60}


def test_the_other_order_would_not_do(states, tmp_path):
    parts = order()[::-1]
    broken = 0
    for number, moments in enumerate(schedules(len(parts), states, 0)):
        try:
            broken += bool(verify(copy(states, parts, moments, tmp_path / str(number))).wrong)
        except Exception:  # what it names is not there
            broken += 1
    assert broken


def test_every_part_of_a_corpus_is_copied_but_what_is_no_part_of_the_store(states):
    there = {path.name for state in states for path in (state / "corpora" / "questions").iterdir()}
    assert there - {"scratch"} <= set(order())


def test_a_later_copy_adds_to_an_earlier_one(states, tmp_path):
    parts = order()
    copy(states, parts, [3] * len(parts), tmp_path / "backup")
    corpus = copy(states, parts, [len(states) - 1] * len(parts), tmp_path / "backup")
    assert verify(corpus).wrong == []
    assert len(corpus.release_ids()) == 2


def test_a_restored_store_goes_on_from_where_the_backup_was(states, run, tmp_path):
    parts = order()
    copy(states, parts, [len(states) - 1] * len(parts), tmp_path / "store")
    result = run(small(tmp_path, documents(62), **TABLES))
    assert (result["release_status"], result["documents"], result["encoded"]) == ("published", 62, 2)
    assert verify(Store.open(tmp_path / "store").corpus("questions")).wrong == []


def test_each_step_of_a_night_left_a_state(states):
    assert len(list(itertools.pairwise(states))) == len(STEPS)
