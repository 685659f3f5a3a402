from __future__ import annotations

from sphering.report.transform_words import transform_words


def test_a_configured_kind_is_named_alone() -> None:
    assert transform_words({"kind": "whiten", "choice": None}) == "whiten"


def test_a_choice_by_the_mean_cosine_says_on_which_side_of_the_bound_it_lies() -> None:
    choice = {"by": "mean_cosine", "value": 0.2172, "se": 0.0004, "bound": 0.05, "choice": "center"}
    assert transform_words({"kind": "center", "choice": choice}) == "center (auto: mean cosine 0.2172 is above 0.05)"
    unsure = {**choice, "value": 0.06, "se": 0.01, "choice": "none"}
    assert transform_words({"kind": "none", "choice": unsure}).endswith("is not clearly above 0.05)")
    judged = {**choice, "evaluation": "e" * 16, "reason": "the evaluation has fewer than 30 items of any kind"}
    assert "fewer than 30 items" in transform_words({"kind": "center", "choice": judged})
    unknown = {**choice, "value": None, "se": None, "choice": "none"}
    assert transform_words({"kind": "none", "choice": unknown}) == "none (auto: too few vectors for a mean cosine)"


def test_a_choice_by_an_evaluation_says_what_it_gains_on_what() -> None:
    trials = [{"candidate": "none", "value": 0.6451}, {"candidate": "whiten", "value": 0.791}]
    choice = {"by": "pairs", "metric": "spearman", "items": 1500, "choice": "whiten", "trials": trials}
    words = transform_words({"kind": "whiten", "choice": choice})
    assert words == "whiten (auto: spearman 0.6451 -> 0.7910 on 1,500 held-out pairs)"
