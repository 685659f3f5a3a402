"""Sentences for numbers that a reader should not miss; a gate holds, a warning only says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.report.bounds import ANISOTROPIC, EQUAL_VECTORS, ROWS_PER_DIMENSION, TRUNCATED, UNKNOWN
from sphering.report.label_warnings import label_warnings
from sphering.report.languages import MOST_LANGUAGES, main_language
from sphering.report.measured import Json
from sphering.report.wording import shown
from sphering.transform.guard import FAR

OF_TRANSFORM = ("transform", "unlike_fitted")
"""Names of the warnings that a fit of the transform mends, or was made with."""


def warnings_of(report: Mapping[str, Any]) -> list[Json]:
    """Return the warnings of a report, each with its name, the metric that raised it, and a sentence."""
    found = [_unknown(report), _equal(report), _truncated(report), _anisotropic(report), _few(report), _far(report)]
    fitted = [_warning("transform", None, str(text)) for text in report["transform"]["warnings"]]
    return [*(warning for warning in found if warning is not None), *label_warnings(report), *fitted]


def _warning(name: str, metric: str | None, sentence: str) -> Json:
    return {"name": name, "metric": metric, "sentence": sentence}


def _value(report: Mapping[str, Any], section: str, metric: str) -> float | None:
    value: float | None = report[section][metric]["value"]
    return value


def _unknown(report: Mapping[str, Any]) -> Json | None:
    share = _value(report, "texts", "unknown_share")
    if share is None or share <= UNKNOWN:
        return None
    return _warning(
        "unknown_tokens",
        "unknown_share",
        f"{shown(share, 'share')} of all tokens are unknown to the model: it was probably not made for this language "
        f"or this kind of text, and sees a blank in their place.{_in_language(report)} Choose a model that was.",
    )


def _in_language(report: Mapping[str, Any]) -> str:
    languages = report["texts"]["unknown_share"].get("languages", [])
    told = [(each["language"], shown(each["share"]["value"], "share")) for each in languages]
    if main_language(languages):
        return f" {told[0][1]} of them are in texts that are probably {told[0][0]}."
    if told:
        listed = ", ".join(f"{language} ({share})" for language, share in told)
        others = " and others" if len(told) == MOST_LANGUAGES else ""
        return f" They are in texts of several languages, probably {listed}{others}."
    return ""


def _equal(report: Mapping[str, Any]) -> Json | None:
    share, count = (_value(report, "texts", f"equal_vector_texts{end}") for end in ("_share", ""))
    if share is None or count is None or share <= EQUAL_VECTORS:
        return None
    n = report["texts"]["equal_vector_texts"]["n"]
    return _warning(
        "equal_vectors",
        "equal_vector_texts",
        f"{count:,.0f} of {n:,} different texts ({shown(share, 'share')}) have exactly the same vector as another, for "
        f"example because {_why_equal(report)}: no transform and no index can tell them apart.",
    )


def _why_equal(report: Mapping[str, Any]) -> str:
    """Return what makes vectors equal, the likelier first: texts that are cut alike, or tokens that are."""
    if _value(report, "texts", "truncated_share"):
        return "they differ only behind what the model reads, or in letter case or diacritics that it drops"
    return "the model drops letter case or diacritics (where those change the meaning, it does not know this language)"


def _truncated(report: Mapping[str, Any]) -> Json | None:
    share = _value(report, "texts", "truncated_share")
    if share is None or share <= TRUNCATED:
        return None
    return _warning(
        "truncated",
        "truncated_share",
        f"{shown(share, 'share')} of the documents are longer than the model reads: their ends are in no vector. "
        "[chunk] cuts long texts so that all of them is read; or choose a model with a longer input.",
    )


def _anisotropic(report: Mapping[str, Any]) -> Json | None:
    cosine = _value(report, "raw", "mean_cosine")
    if cosine is None or cosine <= ANISOTROPIC:
        return None
    after = _value(report, "transformed", "mean_cosine")
    as_it_is = after is None or report["transform"]["kind"] == "none"
    now = "" if as_it_is else f" The transform brings it to {after:.3f}."
    return _warning(
        "anisotropy",
        "mean_cosine",
        f"Two raw vectors have a cosine of {cosine:.3f} on average: scores are squeezed together near the top, so a "
        f"threshold on the raw cosine means little.{now}",
    )


def _few(report: Mapping[str, Any]) -> Json | None:
    n, d = report["raw"]["mean_cosine"]["n"], report["snapshot"]["dimension"]
    if n >= ROWS_PER_DIMENSION * d:
        return None
    return _warning(
        "few_documents",
        None,
        f"{n:,} vectors of {d} dimensions are few (below {ROWS_PER_DIMENSION} a dimension): the covariance, its "
        "spectrum and whatever is fitted on them are uncertain. Read the unbiased forms of the isotropy numbers.",
    )


def _far(report: Mapping[str, Any]) -> Json | None:
    drift = report["transform"]["drift"]["value"]
    if drift is None or drift <= FAR:
        return None
    return _warning(
        "unlike_fitted",
        None,
        f"The vectors lie far from those that the transform was fitted on (drift {drift:.3g}): other texts, or another "
        "encoder. Fit it again: `sphering fit`.",
    )
