"""An export whose library is not installed is hashed all the same."""

import sys
from pathlib import Path

import pytest

from sphering.maintenance.verify import verify
from sphering.store.store import Store

INDEX = "usearch.index"


@pytest.fixture
def night(run, corpus, questions):
    """A store with an export that its library reads back, and the folder of that export."""
    pytest.importorskip(INDEX)
    config = corpus(questions[:40], export=[{"name": "index", "format": "usearch"}])
    result = run(config)
    return Store.open(Path(config.store)).corpus(config.corpus), Path(config.store) / result["exports"][0]["path"]


@pytest.fixture
def elsewhere(night, monkeypatch):
    """The same store where the library is not installed."""
    for name in ("usearch", INDEX):
        monkeypatch.setitem(sys.modules, name, None)
    return night


def test_what_cannot_be_read_back_is_said_with_what_would_let_it_be(elsewhere):
    findings = verify(elsewhere[0])
    assert findings.sound
    assert findings.checked["export"] == 1
    (skipped,) = findings.to_json()["skipped"]
    assert (skipped["kind"], skipped["name"]) == ("export", "index")
    assert 'pip install "sphering[usearch]"' in skipped["remedy"]


def test_a_flipped_byte_is_found_without_the_library(elsewhere):
    corpus, folder = elsewhere
    path = folder / "index.usearch"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    findings = verify(corpus)
    assert [entry["kind"] for entry in findings.wrong] == ["export"]
    assert not findings.skipped
