"""`sphering export --tune`: what a release could be exported as, measured on real questions."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from nights import small
from typer.testing import CliRunner

from sphering.cli.app import app

ROOT = Path(__file__).parents[2]
CONFIG = """
corpus = "questions"
store = "store"
[source]
path = "source.parquet"
[encoder]
backend = "torch"
[transform]
kind = "center"
[[export]]
name = "matrix"
format = "npy"
"""


@pytest.fixture(scope="module")
def released(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    table = pq.read_table(ROOT / "examples/banking77/banking77.parquet")
    texts = list(dict.fromkeys(table["text"].to_pylist()[::17]))[:600]
    run(small(folder, [(f"q-{number}", text) for number, text in enumerate(texts)], transform={"kind": "center"}))
    (folder / "sphering.toml").write_text(CONFIG)
    return folder


def command(folder, *arguments):
    return CliRunner().invoke(app, ["export", "--config", str(folder / "sphering.toml"), *arguments])


def below(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def tuned(released):
    before = below(released / "store")
    done = command(released, "--tune", "--json", "--plot", str(released / "tune.html"))
    assert done.exit_code == 0, done.output
    assert below(released / "store") == before
    return json.loads(done.stdout)


def test_queries_are_texts_that_no_index_holds(tuned):
    assert (tuned["n"], tuned["queries"]) == (600, 300)
    assert "no index holds" in tuned["method"]
    assert {point["recall_at_10"]["method"] for point in tuned["points"]} == {tuned["method"]}


def test_an_exact_index_finds_everything_and_a_graph_more_with_every_setting(tuned):
    points = [point for point in tuned["points"] if point["candidate"] == "faiss Flat"]
    assert [point["recall_at_10"]["value"] for point in points] == [1.0]
    graph = [point for point in tuned["points"] if point["candidate"] == "faiss HNSW16"]
    recalls = [point["recall_at_10"]["value"] for point in graph]
    assert [point["settings"]["ef_search"] for point in graph] == sorted({p["settings"]["ef_search"] for p in graph})
    assert recalls[-1] >= recalls[0]
    assert all(point["queries_per_second"] > 0 and point["bytes_per_vector"] > 1536 for point in graph)


def test_fewer_bits_lose_what_they_are_known_to_lose(tuned):
    """Unit vectors of this model: float16 hardly anything, int8 half a per cent, signs a fifth to a half."""
    lost = {point["candidate"]: point for point in tuned["points"] if not point.get("queries_per_second")}
    recall = {name: point["recall_at_10"]["value"] for name, point in lost.items()}
    assert recall["float16"] >= 0.998
    assert recall["float16"] >= recall["int8 by vector"] >= 0.97
    assert 0.4 < recall["binary"] < 0.9
    assert 48 < lost["binary"]["bytes_per_vector"] < 49  # 384 bits, and a header over 300 vectors
    assert all(point["rescored_recall_at_10"]["value"] >= recall[name] for name, point in lost.items())


def test_what_nothing_beats_in_both_is_marked(tuned):
    timed = [point for point in tuned["points"] if point.get("queries_per_second")]
    for point in timed:
        better = [
            other
            for other in timed
            if other["recall_at_10"]["value"] > point["recall_at_10"]["value"]
            and other["queries_per_second"] > point["queries_per_second"]
        ]
        assert point["optimal"] is False if better else True
    assert any(point["optimal"] for point in timed)


def test_the_plot_is_one_file_with_a_line_for_each_index(tuned, released):
    page = (released / "tune.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "faiss HNSW32" in page
    assert "http://" not in page.partition('<script type="text/plain" id="plotly">')[0]


def test_the_table_has_a_line_for_each_setting(released):
    done = command(released, "--tune", "--index", "Flat", "--index", "nonsense", "--plot", str(released / "other.html"))
    assert done.exit_code == 0, done.output
    assert "faiss Flat" in done.stdout
    assert re.search(r"not tried: faiss nonsense: FAISS refuses .*: choose another string", done.stdout)


def test_an_index_to_try_without_tune_is_refused(released):
    done = command(released, "--index", "Flat")
    assert done.exit_code == 2
    assert "add --tune" in done.stderr


def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_measured(released):
    done = command(released, "--tune", "--plot", str(released / "gone" / "tune.html"))
    assert done.exit_code == 2
    assert "there is no folder" in done.stderr
    assert "--plot" in done.stderr
    assert "tune:" not in done.stderr
