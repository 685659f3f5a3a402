"""What a person finds in the catalog: what happened, in rows that add up, each column explained."""

import hashlib
import re
from pathlib import Path

import duckdb
import pytest

from sphering.catalog.contents import described, row_counts
from sphering.catalog.reference import page
from sphering.gate.names import EVALUATION_METRICS, label_metrics
from sphering.gate.numbers import release_numbers
from sphering.store.documents import read_document
from sphering.store.store import Store

PAGE = (Path(__file__).parents[2] / "docs" / "catalog.md").read_text(encoding="utf-8")
ROWS = "rows_read = source_documents + quarantined - refused + duplicates + deleted"
DOCUMENTS = "documents = carried + coalesce(chunks, source_documents) - refused"


@pytest.fixture
def ask(nights):
    def question(query):
        with duckdb.connect(str(nights[0] / "catalog.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    return question


def test_the_sums_of_every_run_add_up(ask, nights):
    rows = ask("SELECT run, rows_read, documents, quarantined, duplicates FROM runs ORDER BY run")
    keys = ("run", "rows_read", "documents", "quarantined", "duplicates")
    assert rows == [tuple(result[key] for key in keys) for result in nights[1]]
    assert [row[1:] for row in rows] == [(61, 60, 0, 1), (62, 60, 2, 0), (54, 54, 0, 0)]
    assert ask(f"SELECT count(*) FROM runs WHERE {ROWS} AND {DOCUMENTS}") == [(3,)]


def test_a_gate_of_a_run_and_a_gate_of_a_release_stand_in_tables_of_their_own(ask, nights):
    run, release = nights[1][2]["run"], nights[1][2]["release"]
    assert ask(f"SELECT metric, passed FROM run_gates WHERE run = '{run}' ORDER BY metric") == [
        ("documents_change", True),
        ("quarantined_share", True),
    ]
    (held,) = ask(f"SELECT metric, value, min FROM gates WHERE release = '{release}' AND NOT passed")
    assert held == ("texts_change", pytest.approx(-0.1), -0.05)
    everything = ask(f"SELECT metric FROM gates WHERE release = '{release}' UNION FROM (SELECT metric FROM run_gates)")
    assert {metric for (metric,) in everything} == {gate["metric"] for gate in nights[1][2]["gates"]}


def test_quarantined_rows_are_told_with_their_run_and_place(ask, nights):
    run = nights[1][1]["run"]
    assert ask("SELECT corpus, run, file, row, doc_id, reason, text_hash FROM quarantine ORDER BY row") == [
        ("questions", run, "source.parquet", 61, "empty", "empty", None),
        ("questions", run, "source.parquet", 62, "blank", "empty", None),
    ]
    file = nights[0] / "corpora" / "questions" / "runs" / run / "quarantine.parquet"
    hashes = dict(ask("SELECT run, quarantine_sha256 FROM runs WHERE quarantine_sha256 IS NOT NULL"))
    assert hashes == {run: hashlib.sha256(file.read_bytes()).hexdigest()}


def test_the_documents_of_every_snapshot_can_be_reached(ask, nights):
    first, second, third = (result["snapshot"] for result in nights[1])
    ids = [f"q-{number:04d}" for number in range(61)]
    for snapshot, expected in ((first, ids[:60]), (second, ids[1:61]), (third, ids[1:55])):
        assert ask(f"SELECT doc_id FROM questions.snapshot_{snapshot} ORDER BY doc_id") == [
            (name,) for name in expected
        ]
    columns = "doc_id, text, text_hash, embedding"
    same = ask(
        f"(SELECT {columns} FROM questions.published) EXCEPT (SELECT {columns} FROM questions.snapshot_{second})"
    )
    assert same == []
    assert ask("SELECT count(*) FROM questions.latest") == [(54,)]


def test_reports_have_the_numbers_that_their_metrics_have(ask):
    joined = """SELECT count(*) FROM reports r
    JOIN metrics m ON m.report = r.id AND m.side = 'transformed' AND m.metric = 'mean_cosine'
    JOIN metrics t ON t.report = r.id AND t.side = 'texts' AND t.metric = 'texts'
    JOIN snapshots s ON s.id = r.snapshot AND s.documents = r.documents AND s.texts = r.texts
    JOIN transforms f ON f.id = r.transform AND f.encoder = s.encoder
    JOIN encoders e ON e.id = s.encoder AND e.dimension = s.dimension
    JOIN evaluations v ON v.id = r.evaluation AND v.queries = 2
    WHERE r.transformed_mean_cosine = m.value AND r.texts = t.value AND m.low <= m.value AND m.value <= m.high"""
    assert ask(joined) == [(3,)]
    changes = ask(
        "SELECT added, removed, unchanged FROM reports JOIN snapshots s ON s.id = snapshot ORDER BY created_at"
    )
    assert changes == [(None, None, None), (1, 1, 59), (0, 6, 54)]


def test_every_number_of_a_report_stands_in_metrics_once_by_its_full_name(ask, nights):
    rows = ask("SELECT count(*), count(DISTINCT (corpus, report, name)) FROM metrics")[0]
    assert rows[0] == rows[1] == ask("SELECT count(DISTINCT (corpus, report, part, side, metric)) FROM metrics")[0][0]
    corpus = Store.open(nights[0]).corpus("questions")
    release = corpus.release(nights[1][1]["release"])
    report = read_document(corpus.files, corpus.layout.report(release.report))
    told = ask(f"SELECT name, value FROM metrics WHERE report = '{release.report}'")
    numbers = release_numbers(report, {})
    found = dict(told)
    assert {name: numbers[name] for name in found if name in numbers} == {
        name: value for name, value in found.items() if name in numbers
    }
    measured = {*EVALUATION_METRICS, *label_metrics("topic", extended=False), "drift"}
    assert {name for name in measured if numbers.get(name) is not None and ".raw." in name} <= found.keys()
    assert {"drift", "evaluation.queries", "evaluation.pairs.positives"} <= found.keys()


@pytest.mark.parametrize(
    ("part", "metric", "name"),
    [
        ("queries", "ndcg_at_10", "evaluation.transformed.ndcg_at_10"),
        ("pairs", "spearman", "evaluation.pairs.transformed.spearman"),
        ("pairs", "info_nce.0.05", "evaluation.pairs.transformed.info_nce.0.05"),
        ("labels.topic", "knn_accuracy_1", "labels.topic.transformed.knn_accuracy_1"),
        ("vectors", "mean_cosine", "transformed.mean_cosine"),
    ],
)
def test_a_number_is_found_by_its_part_space_and_metric_and_says_how_sure_it_is(ask, part, metric, name):
    where = f"part = '{part}' AND side = 'transformed' AND metric = '{metric}'"
    rows = ask(f"SELECT name, value, low, high, kind, n, reason FROM metrics WHERE {where}")
    assert [row[0] for row in rows] == [name] * 3
    for _, value, low, high, kind, n, reason in rows:
        assert (kind, reason, n > 0) == ("exact", None, True)
        assert low is None or low <= value <= high
    assert any(row[2] is not None for row in rows) or metric.startswith("info_nce")


def test_a_number_without_a_value_says_why(ask):
    ((count, silent),) = ask("SELECT count(*), count(*) FILTER (reason IS NULL) FROM metrics WHERE value IS NULL")
    assert count > 0
    assert silent == 0


def test_an_export_says_what_its_manifest_says(ask):
    assert ask("SELECT name, format, n, d, excluded, bytes > n * d * 4 FROM exports ORDER BY n DESC LIMIT 1") == [
        ("matrix", "npy", 60, 384, 0, True)
    ]


def test_every_table_view_and_column_says_what_it_is(nights):
    path = nights[0] / "catalog.duckdb"
    entries = described(path)
    assert {entry.name for entry in entries} >= {*row_counts(path), "quarantine", "published", "latest"}
    silent = [f"{entry.name}.{name}" for entry in entries for name, _, meaning in entry.columns if not meaning]
    assert [entry.name for entry in entries if not entry.meaning] + silent == []


def test_the_page_is_what_the_catalog_says(nights):
    assert page(nights[0] / "catalog.duckdb") == PAGE


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL))
def test_the_queries_of_the_page_work(ask, query):
    assert ask(query) or "quarantine" in query
