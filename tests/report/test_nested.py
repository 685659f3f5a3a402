"""Numbers in nested objects become tables: both spaces side by side, lists as tables of their own."""

from __future__ import annotations

from typing import Any

from sphering.report.nested import listings_of, tables_of


def number(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "kind": "exact", "n": 300, "over": "queries", **more}


TREE = {
    "evaluation": "e" * 16,
    "queries": 300,
    "raw": {"recall_at_10": number(0.9), "thresholds": [{"cosine": 0.5, "precision": number(0.75), "dimension": 347}]},
    "transformed": {"recall_at_10": number(0.95), "kl": number(None, reason="no query has a relevant document")},
    "pairs": {"pairs": 1379, "raw": {"mean_cosine": number(0.25)}, "transformed": {"mean_cosine": number(0.0)}},
}


def test_what_is_measured_in_both_spaces_stands_side_by_side() -> None:
    tables = list(tables_of(TREE))
    assert [(table.title, table.heads) for table in tables] == [
        ("", ("raw", "transformed")),
        ("", ("value",)),
        ("pairs", ("raw", "transformed")),
        ("pairs", ("value",)),
    ]
    assert [(row["name"], row["values"]) for row in tables[0].rows] == [
        ("recall_at_10", ["0.900", "0.950"]),
        ("kl", ["–", "–"]),
    ]
    assert tables[0].rows[0]["methods"] == ["exact, 300 queries"]
    assert tables[0].rows[1]["methods"] == ["no query has a relevant document"]


def test_a_metric_of_the_catalogue_has_its_title_and_meaning_wherever_it_stands() -> None:
    row = list(tables_of(TREE))[2].rows[0]
    assert row["title"] == "Mean cosine"
    assert row["meaning"].startswith("The cosine of two vectors on average")
    assert row["definition"] == "mean_cosine"


def test_a_list_of_objects_is_a_table_of_its_own() -> None:
    (listing,) = listings_of(TREE)
    assert (listing.title, listing.heads, listing.rows) == (
        "raw.thresholds",
        ("cosine", "precision", "dimension"),
        (("0.500", "0.750", "347"),),
    )


def test_every_number_of_a_tree_stands_in_a_table_once() -> None:
    rows = [row["name"] for table in tables_of(TREE) for row in table.rows]
    assert sorted(rows) == sorted(["evaluation", "queries", "recall_at_10", "kl", "pairs", "mean_cosine"])


def test_the_trials_of_a_choice_are_a_table_with_their_intervals() -> None:
    trial = {"candidate": "center", "value": 0.8688, "against": "none", "gain": 0.0017, "interval": [0.0001, 0.0031]}
    (listing,) = listings_of({"by": "pairs", "choice": "center", "trials": [{**trial, "taken": True, "reason": None}]})
    assert listing.heads == ("candidate", "value", "against", "gain", "interval", "taken", "reason")
    assert listing.rows == (("center", "0.869", "none", "0.0017", "0.00010 to 0.0031", "True", "–"),)
