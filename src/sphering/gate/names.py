"""The names that a gate may bound, known before anything is measured."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Sequence

from sphering.config.model import GateConfig
from sphering.errors import ConfigError
from sphering.evaluation import confidence, retrieval
from sphering.report.catalogue import (
    COUNTS,
    EXTENDED,
    EXTENDED_LABEL_GEOMETRY,
    LABEL_GEOMETRY,
    RAW_ONLY,
    SPACE,
    TEXTS,
    TRANSFORMED_ONLY,
)
from sphering.report.flattened import EVALUATION, LABELS

RUN_METRICS = (
    "rows_read",
    "source_documents",
    "quarantined",
    "quarantined_share",
    "duplicates",
    "duplicates_share",
    "carried",
    "deleted",
    "documents_change",
    "documents",
)
RECALL = "recall_at_10"
RECALL_LOW = f"{RECALL}_low"
"""The lower end of the 95 % interval of an export's recall@10."""
EXPORT_METRICS = (
    RECALL,
    RECALL_LOW,
    "recall_at_1",
    "recall_at_100",
    "rescored_recall_at_10",
    "queries_per_second",
    "bytes_per_vector",
    "max_norm_error",
    "duplicate_vectors",
    "excluded",
    "excluded_share",
)
_SEARCH = (*retrieval.METRICS, *confidence.METRICS)
_OF_KINDS: dict[str, tuple[str, ...]] = {"": _SEARCH, "halves.": _SEARCH, "pairs.": ("spearman", "alignment")}
_MEASURED = tuple(
    f"{kind}{space}.{name}" for kind, names in _OF_KINDS.items() for space in ("raw", "transformed") for name in names
)
_DIVERGENCES = tuple(f"{kind}transformed.{confidence.DIVERGENCE}" for kind in ("", "halves."))
_QUERY_COUNTS = ("queries", "queries_left_out", "judgements_missing")
_COUNTS = (*_QUERY_COUNTS, "pairs.pairs", "pairs.positives", "halves.halves", "halves.left_out")
EVALUATION_METRICS = tuple(f"{EVALUATION}.{name}" for name in (*_MEASURED, *_DIVERGENCES, *_COUNTS))
COUNT_METRICS = frozenset(
    (*COUNTS, *_QUERY_COUNTS, "pairs", "positives", "halves", "left_out", "duplicate_vectors", "excluded")
)
"""The last parts of the names of whole numbers, whose changes are relative."""
_CHANGE = "_change"


def release_names() -> tuple[str, ...]:
    """Return the names of a release's numbers, without those of its exports and its evaluation."""
    raw = [f"raw.{name}" for name in SPACE if name not in TRANSFORMED_ONLY]
    transformed = [f"transformed.{name}" for name in SPACE if name not in RAW_ONLY]
    texts = [name for name in TEXTS if name not in RUN_METRICS]
    spaces = [*raw, *transformed, *SPACE]
    return (*texts, *spaces, "drift", "excluded", "excluded_share", RECALL)


def export_metric(export: str, metric: str) -> str:
    """Return the name of one export's number."""
    return f"exports.{export}.{metric}"


def label_metrics(column: str, *, extended: bool = True) -> tuple[str, ...]:
    """Return the names of the numbers of a column's labels: in each space, and plain for the transformed one."""
    left = () if extended else EXTENDED_LABEL_GEOMETRY
    spaces = ("raw.", "transformed.", "")
    return tuple(f"{LABELS}.{column}.{space}{name}" for space in spaces for name in LABEL_GEOMETRY if name not in left)


def change_of(metric: str) -> str:
    """Return the name of a number's change since the base."""
    return f"{metric}{_CHANGE}"


def check_names(
    gates: Iterable[GateConfig],
    exports: Sequence[str],
    *,
    evaluated: bool,
    labels: Sequence[str] = (),
    extended: bool = False,
    place: Callable[[int], str] | None = None,
) -> None:
    """Refuse a gate on a number that no run of the configuration measures, before anything is read.

    Parameters
    ----------
    gates : iterable of GateConfig
    exports : sequence of str
        Names of the configured exports.
    evaluated : bool
        Whether an evaluation is configured.
    labels : sequence of str
        The columns of [source] labels.
    extended : bool
        Whether [report] extended is set.
    place : callable, optional
        Gives the place of the gate of a number, from 0 on, in the configuration.

    Raises
    ------
    ConfigError
        If a name is unknown; it tells the nearest one that is known.
    """
    of_exports = [export_metric(name, metric) for name in exports for metric in EXPORT_METRICS]
    of_labels = [name for column in labels for name in label_metrics(column, extended=extended)]
    measured = [*release_names(), *of_exports, *of_labels, *(EVALUATION_METRICS if evaluated else ())]
    known = [*RUN_METRICS, *measured, *map(change_of, measured)]
    for number, gate in enumerate(gates):
        where = place(number) if place else f"[[gate]] metric = {gate.metric!r}"
        if gate.metric.removesuffix(_CHANGE) in EVALUATION_METRICS and not evaluated:
            raise ConfigError(
                f"a gate on {gate.metric!r}, and no evaluation",
                expected="something to measure it on",
                where=where,
                remedy="add an [evaluation] table, or remove the gate",
            )
        if not extended and _plain(gate.metric) in EXTENDED:
            raise ConfigError(
                f"a gate on {gate.metric!r}, which only an extended report measures",
                expected="[report] extended = true",
                where=where,
                remedy="set it, or remove the gate",
            )
        if gate.metric not in known:
            raise unknown(gate.metric, known, where)


def _plain(metric: str) -> str:
    """Return a metric's name without its space and without that it is a change."""
    return metric.removesuffix(_CHANGE).removeprefix("raw.").removeprefix("transformed.")


def unknown(metric: str, known: Collection[str], where: str | None = None) -> ConfigError:
    """Return the error for a gate's unknown number, with the nearest known one."""
    near = difflib.get_close_matches(metric, sorted(known), n=1, cutoff=0.5)
    return ConfigError(
        f"a gate on {metric!r}, which no run measures",
        expected=f"a number such as {near[0] if near else 'transformed.mean_cosine'}",
        where=where or f"[[gate]] metric = {metric!r}",
        remedy=f"did you mean {near[0]!r}?" if near else "the names are listed in the configuration reference",
    )
