"""The transform of a release in words: which map it is, why that one, and what it was fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sphering.config.model import OF_KINDS, TransformConfig

_RHO = ("shrinkage", "soft")


def transform_words(transform: Mapping[str, Any]) -> str:
    """Return the kind of a transform, its settings other than the defaults and, where `auto` chose it, by what.

    Parameters
    ----------
    transform : mapping
        What report.json says of it.
    """
    named = ", ".join((str(transform["kind"]), *_settings(transform)))
    choice = transform.get("choice")
    if not choice:
        return named
    if choice["by"] == "mean_cosine":
        why = f"; {choice['reason']}" if choice.get("evaluation") else ""
        return f"{named} (auto: {_mean_cosine(choice)}{why})"
    return f"{named} (auto: {_held_out(choice)})"


def fit_words(
    transform: Mapping[str, Any], snapshot: str, *, bound: float | None = None, evaluation: str | None = None
) -> str:
    """Return what a transform was fitted on, and how far a kept one is from the vectors of a snapshot.

    Parameters
    ----------
    transform : mapping
        What report.json says of it.
    snapshot : str
        The snapshot that it is applied to.
    bound : float, optional
        The drift beyond which it is fitted again.
    evaluation : str, optional
        The evaluation of the report. It is not asked where `auto` chose without one before.
    """
    vectors = f"{transform['n']:,} vectors"
    if transform.get("effective_n") is not None:
        vectors += f", by their weights as good as {transform['effective_n']:,.1f}"
    parts = [f"on this snapshot, {vectors}"]
    if transform["fitted_on"] != snapshot:
        parts = [f"on snapshot {transform['fitted_on']}, {vectors}, and kept: {_drift(transform, bound)}"]
    choice = transform.get("choice")
    if choice and evaluation and not choice.get("evaluation"):
        parts.append("chosen without the evaluation, which is not asked before a refit: `sphering fit`")
    return "; ".join(parts)


def evaluation_of(report: Mapping[str, Any]) -> str | None:
    """Return the id of the evaluation that a report measured, or None."""
    return (report["evaluation"] or {}).get("evaluation")


def refit_bound(config: Mapping[str, Any]) -> float | None:
    """Return the drift beyond which a [transform] table has the transform fitted again; None where none does."""
    return config.get("max_drift") if config.get("refit") == "drift" else None


def _settings(transform: Mapping[str, Any]) -> Iterator[str]:
    """Yield the settings that are not the defaults, with the ρ that shrinkage comes to where it is not given."""
    rho, given = transform.get("shrinkage"), transform.get("parameters", {})
    for name in (*OF_KINDS.get(transform["kind"], ()), "weights"):
        value = given.get(name, TransformConfig.model_fields[name].default)
        if value == TransformConfig.model_fields[name].default:
            continue
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        computed = name == "soft" or isinstance(value, str)
        yield f"{name} {shown}" + (f" (ρ = {rho:.4f})" if name in _RHO and computed and rho is not None else "")


def _held_out(choice: Mapping[str, Any]) -> str:
    values = {trial["candidate"]: trial["value"] for trial in choice["trials"]}
    first, *_ = values
    before, after = values[first], values[choice["choice"]]
    gain = f"{after:.4f}, no other clearly better" if choice["choice"] == first else f"{before:.4f} -> {after:.4f}"
    unfitted = sum(value is None for value in values.values())
    left_out = f"; {unfitted} of {len(values)} candidates cannot be fitted" if unfitted else ""
    return f"{choice['metric']} {gain} on {choice['items']:,} held-out {choice['by']}{left_out}"


def _mean_cosine(choice: Mapping[str, Any]) -> str:
    if choice.get("withheld"):
        return str(choice["withheld"])
    if choice["value"] is None or choice["se"] is None:
        return "too few vectors for a mean cosine"
    relation = "above" if choice["value"] - 2.0 * choice["se"] > choice["bound"] else "not clearly above"
    return f"mean cosine {choice['value']:.4f} is {relation} {choice['bound']:g}"


def _drift(transform: Mapping[str, Any], bound: float | None) -> str:
    value = transform["drift"]["value"]
    far = "drift unknown" if value is None else f"drift {value:.3g}"
    return far if bound is None else f"{far}, fitted again beyond {bound:g}"
