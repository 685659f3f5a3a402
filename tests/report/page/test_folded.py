"""The folded parts of the page: each has heads that people read, an order, and a reason for what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from sphering.report.page.folded import Part, Section, label_part, rogue_part
from sphering.report.page.folded_choice import choice_part
from sphering.report.page.folded_evaluation import counted, evaluation_part


def number(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "kind": "exact", "n": 300, "over": "queries", **more}


def threshold(precision: float | None) -> dict[str, Any]:
    found = number(precision, interval=[0.7, 0.8]) if precision else number(None, reason="nothing is taken")
    return {"accepted": number(0.5, interval=[0.4, 0.6]), "precision": found, "recall": number(0.25)}


UNKNOWN = number(None, reason="fewer than two texts have two sentences")
EVALUATION = {
    "evaluation": "e" * 16,
    "halves": {"halves": 0, "left_out": 0, "raw": {"alpha": UNKNOWN}, "transformed": {"alpha": UNKNOWN}},
    "queries": 300,
    "queries_left_out": 1,
    "judgements_missing": 2,
    "labels": {"column": "topic"},
    "raw": {"alpha": number(9.0), "ndcg_at_10": number(0.9), "recall_at_10": number(0.75)},
    "transformed": {
        "alpha": number(None, reason="no query has a relevant document"),
        "kl_raw_transformed": number(0.0),
        "ndcg_at_10": number(0.95),
        "recall_at_10": number(0.8, interval=[0.7, 0.9]),
    },
    "pairs": {
        "pairs": 1379,
        "positive": 4.0,
        "positives": 338,
        "raw": {
            "spearman": number(0.82),
            "info_nce": {"0.1": number(1.0, interval=[0.5, 1.5]), "0.02": number(2.0)},
            "thresholds": {"0.9": threshold(0.75), "0.15": threshold(0.5)},
        },
        "transformed": {
            "spearman": number(0.84),
            "info_nce": {"0.1": number(1.5), "0.02": number(None, reason="too few")},
            "thresholds": {"0.3": threshold(None)},
        },
    },
}


def report(**parts: Any) -> dict[str, Any]:
    return {"raw": {}, "transformed": {}, "texts": {}, "transform": {}} | parts


@pytest.fixture(scope="module")
def kinds() -> dict[str, Section]:
    part = evaluation_part(report(evaluation=EVALUATION))
    assert part is not None
    return {section.title: section for section in part.sections}


def test_each_kind_of_evaluation_has_a_head_and_says_what_it_was_measured_on(kinds: dict[str, Section]) -> None:
    assert {title: section.sentences[0] for title, section in kinds.items()} == {
        "Queries and judgements": "Measured on 300 queries. 1 query is left out: no relevant document is in the "
        "corpus. 2 judgements are on documents that the corpus lacks.",
        "Scored pairs": "Measured on 1,379 pairs, of which 338 are positive, those with a score of at least 4.",
        "Halves": "No text is measured.",
        "Labels": "Those of the column “topic”: see “How far labels lie apart”.",
    }


def test_numbers_stand_raw_and_transformed_in_the_order_of_the_catalogue(kinds: dict[str, Section]) -> None:
    rows = kinds["Queries and judgements"].rows
    assert [(row["name"], row["title"], row["values"]) for row in rows] == [
        ("ndcg_at_10", "nDCG@10", ["0.900", "0.950"]),
        ("recall_at_10", "Recall@10", ["0.750", "0.800"]),
        ("alpha", "Inverse temperature α", ["9.00", "–"]),
        ("kl_raw_transformed", "Moved by the transform", ["", "0"]),
    ]
    assert all(row["meaning"].endswith(".") for row in rows)
    assert [row["definition"] for row in rows] == [f"evaluation.{row['name']}" for row in rows]
    assert rows[1]["methods"] == [
        "raw: exact, 300 queries",
        "transformed: exact, 300 queries; 95 % between 0.700 and 0.900",
    ]
    assert rows[2]["methods"][1] == "transformed: no query has a relevant document"


def test_each_space_has_a_table_of_thresholds_by_cosine(kinds: dict[str, Section]) -> None:
    _, transformed, raw = kinds["Scored pairs"].listings
    assert [transformed.title, raw.title] == [
        "Thresholds on the cosine, transformed",
        "Thresholds on the cosine, raw",
    ]
    assert raw.heads == transformed.heads == ("cosine from", "accepted", "precision", "recall")
    assert raw.rows == (
        ("0.15", "0.500", "0.500 (0.700 to 0.800)", "0.250"),
        ("0.9", "0.500", "0.750 (0.700 to 0.800)", "0.250"),
    )
    assert transformed.rows == (("0.3", "0.500", "–", "0.250"),)
    assert transformed.missing == ("precision from 0.3: nothing is taken",)
    assert raw.definition == "evaluation.thresholds"


def test_temperatures_stand_in_one_table_ascending(kinds: dict[str, Section]) -> None:
    table = kinds["Scored pairs"].listings[0]
    assert (table.title, table.heads) == ("InfoNCE", ("τ", "raw", "transformed"))
    assert table.rows == (("0.02", "2.00", "–"), ("0.1", "1.00 (0.500 to 1.50)", "1.50"))
    assert table.missing == ("transformed at 0.02: too few",)


def test_a_kind_without_any_number_says_why_once(kinds: dict[str, Section]) -> None:
    halves = kinds["Halves"]
    assert (halves.rows, halves.listings) == ((), ())
    assert halves.sentences[1] == "Nothing could be measured: fewer than two texts have two sentences."


def test_counts_that_no_sentence_knows_stand_as_they_are() -> None:
    assert counted("puzzles", {"puzzles": 12.0, "solved": 3.0}) == "puzzles 12.0, solved 3.00."
    assert counted("halves", {"halves": 5.0, "left_out": 1.0}).endswith(
        "1 text is left out: the encoder gave a half no usable vector."
    )


TRIALS = [
    {"candidate": "none", "value": 0.8672, "against": None, "gain": None, "interval": None, "taken": True},
    {"candidate": "center", "value": 0.8688, "against": "none", "gain": 0.0017, "interval": [0.0001, 0.0031]},
    {"candidate": "whiten", "value": None, "against": "center", "gain": None, "interval": None, "reason": "rank 350"},
]
CHOICE = {
    "by": "pairs",
    "metric": "spearman",
    "items": 1500,
    "folds": 5,
    "choice": "center",
    "trials": [{"taken": one["candidate"] == "center", "reason": None, **one} for one in TRIALS],
}


def chosen(choice: dict[str, Any] | None) -> Part | None:
    return choice_part(report(transform={"kind": "center", "choice": choice}))


def told(choice: dict[str, Any]) -> str:
    part = chosen(choice)
    assert part is not None
    return " ".join(part.sections[0].sentences)


def test_a_choice_says_what_was_chosen_by_what_on_how_much_and_why() -> None:
    words = told(CHOICE)
    assert words.startswith(
        "“auto” chose “center” by Spearman's ρ on 1,500 scored pairs, which were held out in 5 folds"
    )
    assert (
        "The gain of “center” over “none” is +0.0017 (0.0001 to 0.0031), and none after it is clearly better." in words
    )
    assert words.endswith("1 of 3 candidates cannot be fitted.")
    assert "No candidate's does, so that the simplest stays." in told({**CHOICE, "choice": "none"})


def test_the_trials_are_one_table_with_their_intervals_and_reasons() -> None:
    part = chosen(CHOICE)
    assert part is not None
    (table,) = part.sections[0].listings
    assert table.heads == ("candidate", "Spearman's ρ", "gain", "95 % of the gain", "over", "taken")
    assert table.rows == (
        ("none", "0.8672", "", "", "", "yes"),
        ("center", "0.8688", "+0.0017", "0.0001 to 0.0031", "none", "yes"),
        ("whiten", "–", "", "", "center", "no"),
    )
    assert table.missing == ("whiten: rank 350",)


def test_a_choice_by_the_mean_cosine_says_so_and_why_no_evaluation_was_asked() -> None:
    choice = {"by": "mean_cosine", "value": 0.12, "se": 0.01, "bound": 0.05, "choice": "center"}
    assert "less two standard errors of 0.010 that is above 0.05, from which on vectors are centred" in told(choice)
    assert "not clearly above 0.05" in told({**choice, "value": 0.06, "choice": "none"})
    assert "too few vectors" in told({**choice, "se": None, "choice": "none"})
    withheld = told({**choice, "choice": "none", "withheld": "the vectors do not differ"})
    assert withheld.endswith("It does not decide here: the vectors do not differ.")
    assert "not asked" not in told({**choice, "evaluation": None, "reason": "there is no evaluation"})
    asked = told({**choice, "evaluation": "e" * 16, "reason": "the evaluation has fewer than 30 items of any kind"})
    assert asked.endswith("The evaluation was not asked: the evaluation has fewer than 30 items of any kind.")
    assert chosen(None) is None


def test_labels_stand_by_column_in_the_order_of_the_catalogue() -> None:
    space = {"knn_accuracy_1": number(0.5), "cosine_within": number(0.2), "nc1": number(None, reason="one label")}
    part = label_part(report(label_geometry={"topic": {"raw": space, "transformed": space}}))
    assert part is not None
    (section,) = part.sections
    assert section.title == "topic"
    assert [row["values"] for row in section.rows] == [["0.200"] * 2, ["50.0 %"] * 2, ["–"] * 2]
    assert section.rows[2]["methods"] == ["one label"]
    assert label_part(report(label_geometry={})) is None


def test_rogue_dimensions_stand_by_place_in_both_spaces() -> None:
    raw = [{"dimension": 367, "contribution": 0.25}, {"dimension": 2, "contribution": -0.125}]
    part = rogue_part(report(rogue_dimensions={"raw": raw, "transformed": raw[:1]}))
    assert part is not None
    (table,) = part.sections[0].listings
    assert table.heads == ("place", "raw: dimension", "raw: gives", "transformed: dimension", "transformed: gives")
    assert table.rows == (("1", "367", "0.250", "367", "0.250"), ("2", "2", "−0.125", "", ""))
    assert rogue_part(report(rogue_dimensions={"raw": None, "transformed": None})) is None
