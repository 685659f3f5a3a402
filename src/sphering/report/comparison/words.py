"""What a comparison comes to, in words: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sphering.report.comparison.evaluations import evaluation_sentences
from sphering.report.wording import shown

MIGRATION, REFIT, OTHER_TEXTS, NO_DRIFT, EQUAL = "migration", "refit", "other_texts", "no_drift", "equal"
_NOT_TOLD = {
    "b": "new texts are not told from old ones",
    "a": "texts that are gone are not told from those that stayed",
}
_FIRST = {
    MIGRATION: "model migration: another encoder, so no vector of A may be compared with one of B",
    REFIT: "data drift: the corpus moved beyond max_drift, so that a transform fitted on A is fitted again",
    OTHER_TEXTS: "data drift: the texts that only one release has are unlike the other's, but the corpus moved little",
    NO_DRIFT: "no data drift to speak of",
    EQUAL: "the same texts under the same encoder",
}
_VECTORS = {"raw": "as encoded", "transformed": "as exported"}
_MANY_CHANGES = 8


def verdict(found: Mapping[str, Any]) -> str:
    """Return what a comparison comes to, in one word.

    Returns
    -------
    str
        ``migration``: another encoder. Else ``equal``: the same texts; ``refit``: drift beyond max_drift;
        ``other_texts``: the classifier's interval lies above 0.5; ``no_drift``.
    """
    if not found["same_encoder"]:
        return MIGRATION
    texts, metrics = found["texts"], found["raw"]["metrics"]
    share, area = metrics["drift_share"]["value"], metrics["domain_auc"].get("interval")
    if share is not None and share > 1.0:
        return REFIT
    if texts["a"] == texts["b"] == texts["common"]:
        return EQUAL
    return OTHER_TEXTS if area is not None and area[0] > metrics["domain_auc"]["chance"] else NO_DRIFT


def sentences(found: Mapping[str, Any]) -> list[str]:
    """Return a comparison in sentences, the verdict first."""
    body = _drifted(found) if found["same_encoder"] else _migrated(found)
    evaluation = evaluation_sentences(found["evaluation"]) if found["evaluation"] else []
    return [_first(found), *body, *_transforms(found), _documents(found), *evaluation]


def _first(found: Mapping[str, Any]) -> str:
    words = _FIRST[found["verdict"]]
    if found["verdict"] == EQUAL and found["same_transform"] is False:
        return f"{words}, exported under another transform"
    if found["verdict"] != NO_DRIFT:
        return words
    metrics = found["raw"]["metrics"]
    auc = metrics["domain_auc"]
    reasons = [
        *(["the corpus moved within max_drift"] if metrics["drift_share"]["value"] is not None else []),
        *([_NOT_TOLD[auc["between"]["only"]]] if auc["value"] is not None else []),
    ]
    return f"{words}: {' and '.join(reasons) or 'too little is known to see any'}"


def _documents(found: Mapping[str, Any]) -> str:
    changed = [f"{count:,} {name}" for name, count in found["changes"].items() if count and name != "unchanged"]
    texts = found["texts"]
    return (
        f"documents: {', '.join(changed) or 'none changed'}; {texts['common']:,} texts are in both, of {texts['a']:,} "
        f"in A and {texts['b']:,} in B"
    )


def _drifted(found: Mapping[str, Any]) -> list[str]:
    """Return what one encoder's vectors say of two sets of documents."""
    metrics = found["raw"]["metrics"]
    words = [_drift(metrics, found["max_drift"]), _classifier(metrics["domain_auc"]), _equal(metrics)]
    return [each for each in words if each]


def _drift(metrics: Mapping[str, Any], bound: float | None) -> str:
    drift = metrics["drift"]
    if drift["value"] == 0.0:
        return "drift 0: mean and covariance are the same"
    if drift["value"] is None:
        return f"drift: not measured, {drift['reason']}"
    of_bound = "" if bound is None else f", {shown(metrics['drift_share']['value'])} of max_drift {bound:g}"
    return (
        f"drift {shown(drift['value'])}{of_bound}; two random draws of so many documents, as many of them common, "
        f"would give {shown(drift['chance'])}"
    )


def _classifier(entry: Mapping[str, Any]) -> str:
    between = entry.get("between")
    if between is None:
        return ""
    only, other = between["only"].upper(), "A" if between["only"] == "b" else "B"
    who = f"the {between['own_texts']:,} texts that only {only} has, from the {between['other_texts']:,} of {other}"
    if entry["value"] is None:
        return f"whether a classifier tells {who} was not measured: {entry['reason']}"
    return f"a classifier tells {who}, with an area of {_with_interval(entry)}: 0.5 is not at all, 1 always"


def _equal(metrics: Mapping[str, Any]) -> str:
    entry = metrics["equal_texts_share"]
    if entry["value"] is None:
        return f"whether the same text has the same vector was not measured: {entry['reason']}"
    if entry["value"] == 1.0:
        return f"the {entry['n']:,} common texts that were looked at have the same vectors in every bit"
    return (
        f"{shown(1.0 - entry['value'], 'share')} of {entry['n']:,} common texts have other bits, up to a cosine "
        f"distance of {shown(metrics['max_cosine_distance']['value'])}: they were encoded on other machines, see "
        "`sphering show` for `bits`"
    )


def _migrated(found: Mapping[str, Any]) -> list[str]:
    """Return what another encoder changes."""
    differing = found["encoder"]
    names = ", ".join(list(differing)[:_MANY_CHANGES]) + (" and more" if len(differing) > _MANY_CHANGES else "")
    serve = "reload every index, serve queries by B's bundle, move thresholds as below"
    return [f"the encoders differ in {names}: {serve}", *_same_texts(found["raw"], "raw"), *_nature(found["raw"])]


def _same_texts(space: Mapping[str, Any], name: str) -> list[str]:
    """Return what changes for whoever searches: neighbours and thresholds."""
    metrics, vectors = space["metrics"], _VECTORS[name]
    kept = metrics["knn_overlap"]
    if kept["value"] is None:
        return [f"{vectors}: not measured, {kept['reason']}"]
    words = [
        f"{vectors}, {shown(10 * (1 - kept['value']))} of the ten nearest neighbours of a text are others "
        f"(among {kept['n']:,} common texts; by chance {shown(10 * (1 - kept['chance']))})"
    ]
    moved = [
        f"{each['a']:g} is {_with_interval(each['b'])}"
        for each in space["thresholds"]
        if each["b"]["value"] is not None
    ]
    if moved:
        words.append(f"{vectors}, as many pairs of B reach a cosine as reach one of A: " + "; ".join(moved))
    return words


def _nature(space: Mapping[str, Any]) -> list[str]:
    """Return in which way two encoders differ: by a rotation, in their dot products, in who is near whom."""
    metrics = space["metrics"]
    linear, bent, left = (metrics[name] for name in ("cka_linear_debiased", "cka_rbf", "procrustes_residual"))
    words = []
    if linear["value"] is not None and bent["value"] is not None:
        words.append(f"linear CKA {_with_interval(linear)}, of neighbourhoods (RBF kernel) {_with_interval(bent)}")
        if _below(bent, linear):
            words.append("who is near whom changed more than dot products show: cosines on average miss it")
    if left["value"] is not None:
        words.append(
            f"a rotation of B leaves {shown(left['value'], 'share')} of A's variance unexplained"
            + (" (of unrelated vectors " + shown(left["chance"], "share") + ")" if "chance" in left else "")
        )
    return words


def _below(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether one number's interval lies below another's."""
    return "interval" in one and "interval" in other and one["interval"][1] < other["interval"][0]


def _transforms(found: Mapping[str, Any]) -> list[str]:
    """Return what the transforms add to it."""
    space = found["transformed"]
    if space is None:
        return [f"as exported: not measured, {found['reason']}"]
    kinds = " and ".join(found[side]["transform"]["kind"] for side in ("a", "b"))
    if found["same_transform"] and found["same_encoder"]:
        return [f"both are exported under the same transform ({found['a']['transform']['kind']})"]
    if not found["same_encoder"]:
        return _same_texts(space, "transformed")
    moved = f"another transform ({kinds}): every exported vector moved, reload every index"
    return [moved, *_same_texts(space, "transformed")]


def _with_interval(entry: Mapping[str, Any]) -> str:
    interval = entry.get("interval")
    return shown(entry["value"]) + (f" ({shown(interval[0])} to {shown(interval[1])})" if interval else "")
