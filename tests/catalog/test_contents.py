"""What a person finds in the catalog: what happened, in rows that add up, each column explained."""

import hashlib
import re
from pathlib import Path

import duckdb
import pytest

from sphering.catalog.contents import described, row_counts
from sphering.catalog.reference import page

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
    JOIN evaluations v ON v.id = r.evaluation AND v.queries = 1
    WHERE r.transformed_mean_cosine = m.value AND r.texts = t.value AND m.low <= m.value AND m.value <= m.high"""
    assert ask(joined) == [(3,)]
    changes = ask(
        "SELECT added, removed, unchanged FROM reports JOIN snapshots s ON s.id = snapshot ORDER BY created_at"
    )
    assert changes == [(None, None, None), (1, 1, 59), (0, 6, 54)]


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
