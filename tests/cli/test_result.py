"""What a run prints of its transform and of its evaluation."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.cli.facts import describe
from sphering.cli.result import print_result, unpassed
from sphering.cli.snapshots import _print
from sphering.store.documents import read_document
from sphering.store.store import Store


@pytest.fixture
def printed(run, capsys):
    """Run a configuration; return what is printed of it, the lines by their names, and what `show` prints."""

    def night(config):
        result = run(config)
        capsys.readouterr()
        print_result(result, config, None)
        out = capsys.readouterr().out
        _print(describe(Store.open(config.store).corpus(config.corpus), result["release"]))
        return result, out, _lines(out), _lines(capsys.readouterr().out)

    return night


def _lines(out):
    return dict(re.findall(r"^(\w[\w ]*?)  +(.+)$", out, re.MULTILINE))


def test_settings_that_are_not_the_defaults_and_warnings_of_the_fit_are_printed(printed, corpus, questions):
    whiten = {"kind": "whiten", "form": "pca", "shrinkage": "oas", "dimension": 16, "weights": "texts"}
    result, out, lines, shown = printed(corpus(questions[:60], transform=whiten))
    named = r"whiten, form pca, shrinkage oas \(ρ = 0\.\d{4}\), dimension 16, weights texts"
    assert re.fullmatch(named, lines["transform"])
    assert re.fullmatch(f"{named}, {result['transform']['transform']}", shown["transform"])
    assert lines["fitted"] == shown["fitted"] == "on this snapshot, 60 vectors"
    warning = "fitted on 60 vectors of 384 dimensions; below 1920 small eigenvalues are poorly known"
    assert f"  warning: {warning}" in out
    assert warning in shown["warnings"]
    assert warning in result["transform"]["warnings"][0]


def test_weighted_vectors_are_told_with_how_many_alike_they_are_as_good_as(printed, corpus, questions, tmp_path):
    ids, texts = zip(*questions[:40], strict=True)
    masses = [10.0, *[1.0] * 39]
    pq.write_table(pa.table({"id": ids, "text": texts, "mass": masses}), tmp_path / "weighed.parquet")
    source = {"path": str(tmp_path / "weighed.parquet"), "metadata": ["mass"]}
    config = corpus(questions[:1], source=source, transform={"kind": "center", "weights": "mass"})
    result, _, lines, shown = printed(config)
    effective = 49.0**2 / (100.0 + 39.0)
    assert lines["transform"] == "center, weights mass"
    assert (
        lines["fitted"]
        == shown["fitted"]
        == f"on this snapshot, 40 vectors, by their weights as good as {effective:.1f}"
    )
    assert lines["fitted"] in (Path(config.store) / result["report"]).read_text(encoding="utf-8")


def test_a_kept_transform_is_told_with_its_snapshot_its_drift_and_an_evaluation_that_was_not_asked(
    printed, corpus, questions
):
    plain = {"transform": {"kind": "auto"}}
    first, _, lines, _ = printed(corpus(questions, **plain))
    assert "evaluation" not in lines
    config = corpus(questions[1:], evaluation={"halves": 100}, **plain)
    second, _, lines, shown = printed(config)
    drift = f"{second['transform']['drift']:.3g}"
    expected = f"on snapshot {first['snapshot']}, 120 vectors, and kept: drift {drift}, fitted again beyond 0.02; "
    assert lines["fitted"] == shown["fitted"]
    assert lines["fitted"].startswith(expected)
    assert "not asked before a refit: `sphering fit`" in lines["fitted"]
    store = Store.open(Path(config.store)).corpus(config.corpus)
    halves = read_document(store.files, store.layout.report(store.release(second["release"]).report))["evaluation"]
    assert lines["evaluation"] == (
        f"{second['evaluation_encoded']} texts encoded; halves of {halves['halves']['halves']} texts, not of 100: "
        "no other has two sentences"
    )


def test_all_halves_that_were_asked_for_are_no_news(printed, corpus, questions):
    texts = [(name, f"{text} I ask for a friend.") for name, text in questions[:30]]
    config = corpus(texts, evaluation={"halves": 20})
    _, _, lines, _ = printed(config)
    assert re.fullmatch(r"\d+ texts encoded", lines["evaluation"])


def _held(metric, least, value, low):
    recall = {"value": value, "n": 9, "interval": [low, 1.0]}
    gate = {"metric": metric, "value": low, "min": least, "max": None, "severity": "fail", "passed": False}
    return {"gates": [gate], "exports": [{"name": "v1.2", "recall_at_10": recall}, {"name": "exact"}]}


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("recall_at_10", 0.8, "a [[gate]] on exports.v1.2.recall_at_10 of its own"),
        ("exports.v1.2.recall_at_10", 0.8, "give v1.2 more bits"),
        ("exports.v1.2.recall_at_10_low", 0.8, "no search settings of v1.2 reach it"),
        ("exports.v1.2.recall_at_10_low", 0.95, "v1.2 reaches it over 9 queries, too few to be sure"),
    ],
)
def test_a_recall_that_holds_a_release_comes_with_what_to_do(metric, value, said):
    (line,) = unpassed(_held(metric, 0.9, value, 0.7))
    assert line.startswith(f"gate FAILED: {metric} = 0.7, wanted >= 0.9; ")
    assert said in line


def test_another_gate_that_fails_comes_without():
    (line,) = unpassed(_held("transformed.mean_cosine", 0.9, 0.8, 0.7))
    assert line == "gate FAILED: transformed.mean_cosine = 0.7, wanted >= 0.9"
