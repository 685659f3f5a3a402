from __future__ import annotations

from typing import Any

import pytest

from sphering.report.transform_words import fit_words, refit_bound, transform_words


def test_a_configured_kind_is_named_alone() -> None:
    assert transform_words({"kind": "whiten", "choice": None}) == "whiten"


@pytest.mark.parametrize(
    ("kind", "parameters", "shrinkage", "words"),
    [
        ("whiten", {"form": "zca", "power": 1.0, "shrinkage": 0.0, "soft": 0.0, "dimension": None}, 0.0, "whiten"),
        ("whiten", {"form": "pca", "power": 0.5, "dimension": 256}, 0.0, "whiten, form pca, power 0.5, dimension 256"),
        ("whiten", {"shrinkage": 0.1, "weights": "mass"}, 0.1, "whiten, shrinkage 0.1, weights mass"),
        ("whiten", {"shrinkage": "ledoit-wolf"}, 0.01324, "whiten, shrinkage ledoit-wolf (ρ = 0.0132)"),
        ("whiten", {"soft": 1.0}, 0.5, "whiten, soft 1 (ρ = 0.5000)"),
        ("abtt", {"components": 1, "weights": "documents"}, 0.0, "abtt"),
        ("abtt", {"components": 2, "weights": "texts"}, 0.0, "abtt, components 2, weights texts"),
    ],
)
def test_settings_are_named_where_they_are_not_the_defaults(
    kind: str, parameters: dict[str, Any], shrinkage: float, words: str
) -> None:
    transform = {"kind": kind, "parameters": parameters, "shrinkage": shrinkage, "choice": None}
    assert transform_words(transform) == words


def test_a_report_that_tells_no_shrinkage_yet_is_read_without_it() -> None:
    assert transform_words({"kind": "whiten", "parameters": {"shrinkage": "oas"}}) == "whiten, shrinkage oas"


def test_a_choice_by_the_mean_cosine_says_on_which_side_of_the_bound_it_lies() -> None:
    choice = {"by": "mean_cosine", "value": 0.2172, "se": 0.0004, "bound": 0.05, "choice": "center"}
    assert transform_words({"kind": "center", "choice": choice}) == "center (auto: mean cosine 0.2172 is above 0.05)"
    unsure = {**choice, "value": 0.06, "se": 0.01, "choice": "none"}
    assert transform_words({"kind": "none", "choice": unsure}).endswith("is not clearly above 0.05)")
    judged = {**choice, "evaluation": "e" * 16, "reason": "the evaluation has fewer than 30 items of any kind"}
    assert "fewer than 30 items" in transform_words({"kind": "center", "choice": judged})
    withheld = {**choice, "choice": "none", "withheld": "fewer than 10 vectors tell too little"}
    said = transform_words({"kind": "none", "choice": withheld})
    assert said == "none (auto: fewer than 10 vectors tell too little)"
    unknown = {**choice, "value": None, "se": None, "choice": "none"}
    assert transform_words({"kind": "none", "choice": unknown}) == "none (auto: too few vectors for a mean cosine)"


TRIALS = [{"candidate": "none", "value": 0.6451}, {"candidate": "soft 2", "value": 0.791}]
CHOICE = {"by": "pairs", "metric": "spearman", "items": 1500, "choice": "soft 2", "trials": TRIALS}


def test_a_choice_by_an_evaluation_says_what_it_gains_on_what() -> None:
    words = transform_words({"kind": "whiten", "parameters": {"soft": 2.0}, "shrinkage": 2 / 3, "choice": CHOICE})
    chosen = "spearman 0.6451 -> 0.7910 on 1,500 held-out pairs"
    assert words == f"whiten, soft 2 (ρ = 0.6667) (auto: {chosen})"


def test_a_choice_of_the_simplest_says_that_no_other_is_clearly_better_and_how_many_could_not_be_fitted() -> None:
    trials = [*TRIALS, {"candidate": "whiten", "value": None, "reason": "40 vectors of 384 dimensions"}]
    words = transform_words({"kind": "none", "choice": {**CHOICE, "choice": "none", "trials": trials}})
    held_out = "spearman 0.6451, no other clearly better on 1,500 held-out pairs"
    assert words == f"none (auto: {held_out}; 1 of 3 candidates cannot be fitted)"


FIT = {"kind": "center", "fitted_on": "a" * 16, "n": 1372, "drift": {"value": 0.00123}, "choice": None}


def test_what_was_fitted_tonight_says_on_how_many_vectors() -> None:
    assert fit_words(FIT, "a" * 16, bound=0.02) == "on this snapshot, 1,372 vectors"
    weighed = fit_words({**FIT, "effective_n": 251.26}, "a" * 16)
    assert weighed == "on this snapshot, 1,372 vectors, by their weights as good as 251.3"


def test_what_was_kept_says_from_which_snapshot_and_how_far_it_is() -> None:
    kept = f"on snapshot {'a' * 16}, 1,372 vectors, and kept: drift 0.00123"
    assert fit_words(FIT, "b" * 16) == kept
    assert fit_words(FIT, "b" * 16, bound=0.02) == f"{kept}, fitted again beyond 0.02"
    assert fit_words({**FIT, "drift": {"value": None}}, "b" * 16).endswith("drift unknown")


def test_an_evaluation_that_came_after_the_choice_is_told_and_one_that_made_it_is_not() -> None:
    before = {**FIT, "choice": {"by": "mean_cosine", "evaluation": None}}
    assert "not asked before a refit" in fit_words(before, "a" * 16, evaluation="e" * 16)
    assert "not asked" not in fit_words(before, "a" * 16)
    judged = {**FIT, "choice": {"by": "pairs", "evaluation": "d" * 16}}
    assert "not asked" not in fit_words(judged, "a" * 16, evaluation="e" * 16)
    assert "not asked" not in fit_words(FIT, "a" * 16, evaluation="e" * 16)


def test_only_a_refit_by_drift_has_a_bound() -> None:
    assert refit_bound({"refit": "drift", "max_drift": 0.02}) == 0.02
    assert refit_bound({"refit": "never", "max_drift": 0.02}) is None
    assert refit_bound({}) is None
