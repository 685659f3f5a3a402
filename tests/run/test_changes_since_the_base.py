"""Write, audit, publish: a gate on how much a number changed since the base."""

from pathlib import Path

import pytest

from sphering.store.documents import read_document
from sphering.store.store import Store

TEXTS = {"gate": [{"metric": "texts_change", "min": -0.1}]}
COSINE = {"gate": [{"metric": "transformed.mean_cosine_change", "max": 0.02}]}


def corpus_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def standing(config):
    refs = corpus_of(config).refs
    return [refs.read("main", name).release for name in ("published", "latest")]


def gate_of(result, metric):
    return next(gate for gate in result["gates"] if gate["metric"] == metric)


def mean_cosine(config, result):
    store = corpus_of(config)
    report = read_document(store.files, store.layout.report(store.release(result["release"]).report))
    return report["transformed"]["mean_cosine"]["value"]


def repeated(documents, share):
    """The same ids, of which a share have the first one's text."""
    few = int(len(documents) * share)
    return [(name, documents[0][1] if i < few else text) for i, (name, text) in enumerate(documents)]


def test_fewer_texts_hold_a_release_every_night_until_they_are_back(copied_nights, corpus, run, questions):
    _, (first,) = copied_nights(60, **TEXTS)
    assert gate_of(first, "texts_change")["value"] is None
    assert (first["release_status"], first["exit_code"]) == ("published", 0)

    poorer = corpus(repeated(questions[:60], 0.5), **TEXTS)
    held = run(poorer)
    assert (held["release_status"], held["exit_code"]) == ("held", 3)
    assert gate_of(held, "texts_change") == {
        "metric": "texts_change",
        "value": pytest.approx(31 / 60 - 1),
        "min": -0.1,
        "max": None,
        "severity": "fail",
        "passed": False,
    }
    assert standing(poorer) == [first["release"], held["release"]]
    assert corpus_of(poorer).files.exists(held["report"])

    again = run(poorer)
    assert (again["release"], again["release_status"], again["exit_code"]) == (held["release"], "held", 3)
    assert standing(poorer) == [first["release"], held["release"]]

    back = run(corpus(questions[:60], **TEXTS))
    assert (back["release"], back["release_status"], back["exit_code"]) == (first["release"], "unchanged", 0)
    wider = run(corpus(repeated(questions[:60], 0.5), gate=[{"metric": "texts_change", "min": -0.9}]))
    assert (wider["release_status"], wider["exit_code"]) == ("published", 0)
    assert wider["release"] != held["release"]


def test_a_common_direction_that_comes_overnight_holds_a_release(corpus, run, questions):
    config = corpus(questions[:60], **COSINE)
    first = run(config)
    held = run(corpus([(name, f"card card card card {text}") for name, text in questions[:60]], **COSINE))
    gate = gate_of(held, "transformed.mean_cosine_change")
    change = mean_cosine(config, held) - mean_cosine(config, first)
    assert gate["value"] == pytest.approx(change, abs=1e-15)
    assert (gate["passed"], held["release_status"]) == (False, "held")
    page = (Path(config.store) / held["report"]).read_text(encoding="utf-8").replace("<wbr>", "")
    assert "transformed.mean_cosine_change" in page


def test_a_number_that_the_base_lacks_passes(copied_nights, corpus, run, questions):
    copied_nights(60, **TEXTS)
    added = [{"name": "matrix", "format": "npy"}, {"name": "more", "format": "npy"}]
    gates = [{"metric": f"exports.{name}.excluded_change", "max": 0.0} for name in ("matrix", "more")]
    second = run(corpus(questions[:61], export=added, gate=gates))
    assert gate_of(second, "exports.matrix.excluded_change")["value"] == 0.0
    assert gate_of(second, "exports.more.excluded_change")["value"] is None
    assert second["release_status"] == "published"
