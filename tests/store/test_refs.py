"""Refs, the only things that move."""

import json

import pytest

from sphering.errors import FormatError, IntegrityError, NotFoundError, RefMovedError
from sphering.store.documents import create_document, read_document
from sphering.store.local_files import LocalFiles
from sphering.store.refs import PUBLISHED, Reason
from sphering.store.release import GateResult, Release
from sphering.store.store import Store


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store")


def a_release(name, snapshot="a" * 16, created_at="2026-01-01T00:00:00.000000Z", gates=()):
    return Release(
        id=name,
        corpus="c",
        encoder="e",
        snapshot=snapshot,
        transform="t",
        transform_sha256="0" * 64,
        report="r",
        bundle="b",
        bundle_document={},
        encoder_config={},
        exports=(),
        gates=gates,
        base=None,
        created_at=created_at,
        run="run",
    )


def test_a_ref_moves_by_its_next_number_and_keeps_its_history(store):
    refs = store.corpus("c").refs
    first = refs.move("main", PUBLISHED, "r1", expected=None, reason=Reason("a", "x"))
    second = refs.move("main", PUBLISHED, "r2", expected=first, reason=Reason("a", "y"))
    assert (first.number, second.number) == (1, 2)
    assert refs.read("main", PUBLISHED) == second
    assert [value.release for value in refs.history("main", PUBLISHED)] == ["r1", "r2"]


def test_a_ref_that_moved_in_between_is_not_moved_again(store):
    refs = store.corpus("c").refs
    first = refs.move("main", PUBLISHED, "r1", expected=None, reason=Reason("a", "x"))
    refs.move("main", PUBLISHED, "r2", expected=first, reason=Reason("b", "x"))
    with pytest.raises(RefMovedError, match="moved since this run began"):
        refs.move("main", PUBLISHED, "r3", expected=first, reason=Reason("a", "x"))
    assert refs.read("main", PUBLISHED).release == "r2"


def test_an_edited_document_is_noticed(store):
    create_document(store.files, "x.json", {"documents": 3})
    path = store.files.path("x.json")
    path.write_text(path.read_text().replace("3", "4"))
    with pytest.raises(IntegrityError, match="seal"):
        read_document(store.files, "x.json")


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    create_document(LocalFiles(tmp_path), "store.json", {"format": 99})
    with pytest.raises(FormatError, match="format 99"):
        Store.open(tmp_path)


def test_a_folder_of_something_else_is_not_made_a_store(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FormatError, match="is no store"):
        Store.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_release_is_found_by_ref_prefix_and_snapshot(store):
    corpus = store.corpus("c")
    for name, snapshot in [("1234aaaa11112222", "b" * 16), ("1234bbbb11112222", "c" * 16)]:
        corpus.create_release(a_release(name, snapshot))
    corpus.refs.move("main", PUBLISHED, "1234bbbb11112222", expected=None, reason=Reason("a", "x"))
    assert corpus.find_release("published").id == "1234bbbb11112222"
    assert corpus.find_release("main/published").id == "1234bbbb11112222"
    assert corpus.find_release("1234a").id == "1234aaaa11112222"
    assert corpus.find_release("bbbb").id == "1234aaaa11112222"


@pytest.mark.parametrize("selector", ["1234", "ffff", "12", "latest", "other/latest"])
def test_a_name_that_fits_nothing_or_several_is_refused(store, selector):
    corpus = store.corpus("c")
    for name in ("1234aaaa11112222", "1234bbbb11112222"):
        corpus.create_release(a_release(name))
    with pytest.raises(NotFoundError):
        corpus.find_release(selector)


def test_a_release_reads_back_as_it_was_written(store):
    corpus = store.corpus("c")
    gates = (
        GateResult("non_finite", 0.0, None, 0.0, "fail", True),
        GateResult("truncated_share", 1.0, None, 0.05, "warn", False),
    )
    corpus.create_release(a_release("abcd" * 4, gates=gates))
    assert corpus.release("abcd" * 4) == a_release("abcd" * 4, gates=gates)
    assert corpus.release("abcd" * 4).passed
    assert json.loads(corpus.files.read(corpus.layout.release("abcd" * 4)))["sha256"]
