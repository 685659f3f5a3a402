"""A store whose store.json was lost says so, and how to write it again."""

import re

import pytest

from sphering.errors import NotFoundError
from sphering.store.opening import KEY
from sphering.store.store import Store


@pytest.fixture
def lost(tmp_path):
    store = Store.create(tmp_path / "store")
    store.files.create("corpora/questions/encoders/model.json", b"{}")
    store.files.remove(KEY)
    return store.root


@pytest.mark.parametrize("way", [Store.open, Store.open_or_plan, Store.create])
def test_reading_planning_and_running_say_that_it_is_lost_and_leave_the_store_as_it_is(way, lost):
    before = sorted(lost.rglob("*"))
    with pytest.raises(NotFoundError, match=r"has lost its store\.json") as raised:
        way(lost)
    assert raised.value.where == str(lost / KEY)
    assert "copy it back from a backup" in raised.value.remedy
    assert "sphering run" not in str(raised.value)
    assert sorted(lost.rglob("*")) == before


@pytest.mark.parametrize("single_writer", [False, True])
def test_the_line_that_is_given_makes_the_store_whole(single_writer, lost):
    with pytest.raises(NotFoundError) as raised:
        Store.create(lost, single_writer=single_writer)
    line = re.search(r"\{.*\}", raised.value.remedy)[0]
    (lost / KEY).write_text(line + "\n")
    assert Store.open(lost).corpora() == Store.create(lost).corpora() == ["questions"]
    assert ("single_writer" in line) is single_writer
