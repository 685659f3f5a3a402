"""Workspaces: a living run's is never removed, a dead one's always."""

import os
import subprocess
import sys

import pytest

from sphering.run import workspace as module
from sphering.run.workspace import Workspace, new_run_id, remove_dead
from sphering.store.store import Store

OTHER_RUN = """
import sys
from pathlib import Path
from sphering.run.workspace import remove_dead
print(*remove_dead(Path(sys.argv[1])))
"""


@pytest.fixture
def corpus(tmp_path):
    return Store.create(tmp_path / "store").corpus("c")


@pytest.fixture
def scratch(corpus):
    return corpus.files.path(corpus.layout.scratch)


def removed_by_another_run(scratch):
    done = subprocess.run([sys.executable, "-c", OTHER_RUN, str(scratch)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_workspace_of_a_living_run_is_left_alone(corpus, scratch):
    workspace = Workspace.create(corpus, new_run_id())
    assert removed_by_another_run(scratch) == []
    assert remove_dead(scratch) == []
    workspace.remove()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("files", [[], ["lock"], ["lock", "begin.json"]])
def test_the_workspace_of_a_dead_run_is_removed_however_far_it_came(files, corpus, scratch):
    dead = scratch / new_run_id()
    dead.mkdir(parents=True)
    for name in files:
        (dead / name).touch()
    living = Workspace.create(corpus, new_run_id())
    assert [path.name for path in scratch.iterdir()] == [living.run]
    living.remove()


@pytest.mark.parametrize("moment", ["open", "flock"])
def test_a_workspace_that_another_run_removes_before_it_is_locked_is_made_again(moment, corpus, scratch, monkeypatch):
    owner = {"open": os, "flock": module.fcntl}[moment]
    original = getattr(owner, moment)

    def meanwhile(*arguments):
        monkeypatch.undo()
        removed_by_another_run(scratch)
        return original(*arguments)

    monkeypatch.setattr(owner, moment, meanwhile)
    workspace = Workspace.create(corpus, new_run_id())
    workspace.write("begin", {})
    assert workspace.has("begin")
    assert removed_by_another_run(scratch) == []
    workspace.remove()
