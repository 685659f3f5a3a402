"""Every number of a report under one name, wherever the report keeps it."""

from sphering.report.flattened import by_part, is_evaluated, numbers_of

REPORT = {
    "raw": {"mean_cosine": {"value": 0.4, "interval": [0.3, 0.5]}},
    "transformed": {"mean_cosine": {"value": None, "reason": "fewer than two vectors"}},
    "texts": {"documents": {"value": 3}},
    "transform": {"kind": "none", "drift": {"value": 0.0}},
    "label_geometry": {"a.raw": {"raw": {"nc1": {"value": 1.0}}, "transformed": {"nc1": {"value": 2.0}}}},
    "evaluation": {
        "evaluation": "0123456789abcdef",
        "queries": 4,
        "raw": {"ndcg_at_10": {"value": 0.5}},
        "transformed": {"ndcg_at_10": {"value": 0.6}, "thresholds": {"0.8": {"precision": {"value": 1.0}}}},
        "pairs": {"pairs": 7, "positive": 4.0, "raw": {"info_nce": {"0.05": {"value": 2.0}}, "thresholds": {}}},
        "labels": {"column": "a"},
    },
}


def test_every_number_has_one_name_and_says_what_it_is_measured_on():
    found = {number.name: (number.part, number.side, number.metric, number.value) for number in numbers_of(REPORT)}
    assert found == {
        "raw.mean_cosine": ("vectors", "raw", "mean_cosine", 0.4),
        "transformed.mean_cosine": ("vectors", "transformed", "mean_cosine", None),
        "documents": ("texts", None, "documents", 3),
        "drift": ("transform", None, "drift", 0.0),
        "evaluation.queries": ("queries", None, "queries", 4),
        "evaluation.raw.ndcg_at_10": ("queries", "raw", "ndcg_at_10", 0.5),
        "evaluation.transformed.ndcg_at_10": ("queries", "transformed", "ndcg_at_10", 0.6),
        "evaluation.transformed.thresholds.0.8.precision": ("queries", "transformed", "thresholds.0.8.precision", 1.0),
        "evaluation.pairs.pairs": ("pairs", None, "pairs", 7),
        "evaluation.pairs.positive": ("pairs", None, "positive", 4.0),
        "evaluation.pairs.raw.info_nce.0.05": ("pairs", "raw", "info_nce.0.05", 2.0),
        "labels.a.raw.raw.nc1": ("labels.a.raw", "raw", "nc1", 1.0),
        "labels.a.raw.transformed.nc1": ("labels.a.raw", "transformed", "nc1", 2.0),
    }
    assert len(list(numbers_of(REPORT))) == len(found)


def test_a_number_has_the_interval_and_the_reason_of_its_entry():
    first, second = by_part(REPORT)["vectors"]
    assert (first.interval, second.interval) == ((0.3, 0.5), None)
    assert second.entry["reason"] == "fewer than two vectors"


def test_the_evaluation_is_told_from_the_rest_and_may_be_missing():
    assert {part for part, numbers in by_part(REPORT).items() if any(map(is_evaluated, numbers))} == {
        "queries",
        "pairs",
    }
    bare = {name: REPORT[name] for name in ("raw", "transformed", "texts")}
    assert list(by_part(bare)) == ["vectors", "texts"]
    assert list(by_part({**bare, "evaluation": None})) == ["vectors", "texts"]
