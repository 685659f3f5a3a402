"""What `sphering report` prints of a release with an evaluation, labels and a transform that `auto` chose."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import small
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.store.documents import read_document
from sphering.store.store import Store


@pytest.fixture(scope="module")
def printed(run, questions, tmp_path_factory):
    """What is printed, and report.json."""
    folder = tmp_path_factory.mktemp("report")
    texts = [text for _, text in questions]
    scored = {"sentence1": texts[:60], "sentence2": texts[60:], "score": [float(len(text) % 6) for text in texts[:60]]}
    pq.write_table(pa.table(scored), folder / "pairs.parquet")
    pq.write_table(pa.table({"_id": ["a"], "text": ["is my card lost?"]}), folder / "queries.parquet")
    qrels = {"query_id": ["a"], "doc_id": ["not there"], "relevant": [1]}
    pq.write_table(pa.table(qrels), folder / "qrels.parquet")
    config = small(
        folder,
        questions,
        source={"path": str(folder / "source.parquet"), "labels": ["topic"]},
        transform={"kind": "auto"},
        evaluation={name: str(folder / f"{name}.parquet") for name in ("pairs", "queries", "qrels")},
    )
    topics = ["card" if "card" in text else "other" for text in texts]
    source = pq.read_table(folder / "source.parquet")
    pq.write_table(source.append_column("topic", pa.array(topics)), folder / "source.parquet")
    made = run(config)["release"]
    corpus = Store.open(folder / "store").corpus("questions")
    shown = CliRunner().invoke(app, ["report", made, "--store", str(folder / "store")])
    assert shown.exit_code == 0, shown.output
    return shown.stdout, read_document(corpus.files, corpus.layout.report(corpus.release(made).report))


def row(text, name):
    """Return the cells of the only row that begins with a name."""
    (line,) = re.findall(rf"^{re.escape(name)}  .*$", text, re.MULTILINE)
    return re.split(r" {2,}", line)


def section(text, head):
    """Return the table whose first column has this head."""
    return re.search(rf"^{re.escape(head)}  .*?(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)[0]


def told(bounds):
    return f"{bounds[0]:.4g} to {bounds[1]:.4g}"


def test_numbers_of_pairs_stand_in_both_spaces_with_their_intervals(printed):
    text, report = printed
    pairs = report["evaluation"]["pairs"]
    raw, transformed = (pairs[space]["spearman"] for space in ("raw", "transformed"))
    expected = [f"{raw['value']:.6g}", told(raw["interval"])]
    expected += [f"{transformed['value']:.6g}", told(transformed["interval"]), "exact", "60"]
    assert row(section(text, "pairs"), "spearman")[1:] == expected
    assert row(section(text, "pairs"), "info_nce.0.05")[1] == f"{pairs['raw']['info_nce']['0.05']['value']:.6g}"
    assert f"evaluation by pairs: pairs 60, positive 4, positives {pairs['positives']}" in text


def test_thresholds_are_those_of_the_exported_vectors_in_the_order_of_their_cosine(printed):
    text, report = printed
    found = report["evaluation"]["pairs"]["transformed"]["thresholds"]
    head, *lines = section(text, "pairs: cosine from").splitlines()
    assert re.split(r" {2,}", head) == ["pairs: cosine from", "accepted", "precision", "95 %", "recall"]
    rows = [re.split(r" {2,}", line.strip()) for line in lines]
    assert [cells[0] for cells in rows] == [f"{cosine:.6g}" for cosine in sorted(map(float, found))]
    first = found[min(found, key=float)]
    shares = [f"{round(first[name]['value'], 4):.6g}" for name in ("accepted", "precision", "recall")]
    assert [rows[0][1], rows[0][2], rows[0][4]] == shares
    assert rows[0][3] == told(first["precision"]["interval"])


def test_labels_are_told_in_both_spaces(printed):
    text, report = printed
    found = report["label_geometry"]["topic"]["transformed"]["knn_accuracy_1"]
    cells = row(section(text, "labels.topic"), "knn_accuracy_1")
    assert cells[3:] == [f"{found['value']:.6g}", told(found["interval"]), "exact", str(found["n"])]


def test_how_the_transform_was_chosen_is_told_with_every_trial(printed):
    text, report = printed
    choice = report["transform"]["choice"]
    assert re.search(rf"^transform: {re.escape(choice['choice'])} \(auto: spearman ", text, re.MULTILINE)
    table = section(text, "candidate")
    for trial in choice["trials"]:
        cells = row(table, trial["candidate"])
        assert cells[-1] == ("yes" if trial["taken"] else "no")
        if trial["gain"] is not None:
            assert cells[2:4] == [f"{trial['gain']:.6g}", told(trial["interval"])]
    refused = {trial["reason"] for trial in choice["trials"] if trial["reason"]}
    assert refused
    assert all(f": {reason}\n" in table + "\n" for reason in refused)


def test_a_number_that_is_not_defined_says_why_and_one_of_the_other_space_is_left_empty(printed):
    text, report = printed
    reason = report["evaluation"]["raw"]["alpha"]["reason"]
    assert row(section(text, "queries"), "alpha")[1:3] == ["-", "-"]
    assert re.search(rf"^no alpha, .* more: {re.escape(reason)}$", text, re.MULTILINE)
    assert row(section(text, "metric"), "norm_median")[1:] == ["1", "exact", "120"]


def test_numbers_of_vectors_have_their_intervals_in_a_table_of_their_own(printed):
    text, report = printed
    bounds = [told(report[space]["mean_cosine"]["interval"]) for space in ("raw", "transformed")]
    assert row(section(text, "95 %"), "mean_cosine")[1:] == bounds


def test_tables_of_numbers_fit_a_terminal_of_a_hundred_columns(printed):
    text, _ = printed
    for head in ("metric", "95 %", "texts", "candidate", "pairs", "queries", "pairs: cosine from", "labels.topic"):
        lines = [line for line in section(text, head).splitlines() if not line.startswith("no ")]
        assert max(map(len, lines)) <= 100, head
