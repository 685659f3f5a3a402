"""The names that a gate may bound, known before anything is measured."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from sphering.config.model import GateConfig
from sphering.errors import ConfigError
from sphering.report.catalogue import RAW_ONLY, SPACE, TEXTS, TRANSFORMED_ONLY

RUN_METRICS = (
    "rows_read",
    "quarantined",
    "quarantined_share",
    "duplicates",
    "duplicates_share",
    "documents_change",
    "documents",
)
EXPORT_METRICS = ("recall_at_10", "max_norm_error", "duplicate_vectors", "excluded", "excluded_share")
EVALUATION = "evaluation."
_EXPORT = re.compile(r"^exports\.(?P<export>.+)\.(?P<metric>[^.]+)$")


def release_names() -> tuple[str, ...]:
    """Return the names of a release's numbers, without those of its exports and its evaluation."""
    raw = [f"raw.{name}" for name in SPACE if name not in TRANSFORMED_ONLY]
    transformed = [f"transformed.{name}" for name in SPACE if name not in RAW_ONLY]
    texts = [name for name in TEXTS if name not in RUN_METRICS]
    spaces = [*raw, *transformed, *SPACE]
    return (*texts, *spaces, "drift", "excluded", "excluded_share", "recall_at_10")


def check_names(gates: Iterable[GateConfig], exports: Collection[str] | None = None) -> None:
    """Refuse a gate on a number that does not exist, before anything is read.

    Parameters
    ----------
    gates : iterable of GateConfig
    exports : collection of str, optional
        Names of the configured exports; where given, gates on other exports are refused.

    Raises
    ------
    ConfigError
        If a name is unknown; it tells the nearest one that is known.
    """
    known = [*RUN_METRICS, *release_names()]
    for gate in gates:
        if gate.metric in known or gate.metric.startswith(EVALUATION):
            continue
        match = _EXPORT.match(gate.metric)
        if match is None:
            raise unknown(gate.metric, known)
        named = [match["export"]] if exports is None else exports
        possible = [f"exports.{name}.{metric}" for name in named for metric in EXPORT_METRICS]
        if gate.metric not in possible:
            raise unknown(gate.metric, possible)


def unknown(metric: str, known: Collection[str]) -> ConfigError:
    """Return the error for a gate's unknown number, with the nearest known one."""
    near = difflib.get_close_matches(metric, sorted(known), n=1, cutoff=0.5)
    return ConfigError(
        f"a gate on {metric!r}, which no run measures",
        expected=f"a number such as {near[0] if near else 'transformed.mean_cosine'}",
        where=f"[[gate]] metric = {metric!r}",
        remedy=f"did you mean {near[0]!r}?" if near else "the names are listed in the configuration reference",
    )
