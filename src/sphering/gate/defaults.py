"""The gates that hold unless the configuration has one on the same number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from sphering.config.model import GateConfig
from sphering.gate.names import RECALL, RECALL_LOW, RUN_METRICS, export_metric

RUN_DEFAULTS = (
    GateConfig(metric="quarantined_share", max=0.01),
    GateConfig(metric="documents_change", min=-0.2),
)
RELEASE_DEFAULTS = (
    GateConfig(metric="non_finite", max=0.0),
    GateConfig(metric="excluded_share", max=0.001),
    GateConfig(metric=RECALL, min=0.9),
    GateConfig(metric="truncated_share", max=0.05, severity="warn"),
    GateConfig(metric="unknown_share", max=0.01, severity="warn"),
)


def run_gates(gates: Sequence[GateConfig]) -> tuple[GateConfig, ...]:
    """Return the gates on the run's own numbers; a configured one replaces the default on the same number."""
    configured = [gate for gate in gates if gate.metric in RUN_METRICS]
    named = {gate.metric for gate in configured}
    return (*(gate for gate in RUN_DEFAULTS if gate.metric not in named), *configured)


def release_gates(
    gates: Sequence[GateConfig], exports: Sequence[str], recall: Mapping[str, float | None] | None = None
) -> tuple[GateConfig, ...]:
    """Return the gates on a release's numbers; a configured one replaces the default on the same number.

    A default on all exports that a gate replaces for one of them goes on to hold for each of the others.

    Parameters
    ----------
    gates : sequence of GateConfig
    exports : sequence of str
        Names of the configured exports.
    recall : mapping of str to (float or None), optional
        The exports that have a recall, by name, each with the recall@10 that its search settings are chosen for: the
        lower end of what was measured must reach it, which replaces the default on the recall of that export.
    """
    targets = {name: least for name, least in (recall or {}).items() if least is not None}
    configured = [gate for gate in gates if gate.metric not in RUN_METRICS]
    # A plain name is the transformed number.
    named = {gate.metric.removeprefix("transformed.") for gate in configured}
    wanted = {export_metric(name, RECALL_LOW): least for name, least in targets.items()}
    replaced = named | {export_metric(name, RECALL) for name in targets}
    kept = [
        entry
        for gate in RELEASE_DEFAULTS
        for entry in _remaining(gate, replaced, sorted(recall or {}) if gate.metric == RECALL else exports)
    ]
    chosen = [GateConfig(metric=metric, min=least) for metric, least in wanted.items() if metric not in named]
    return (*kept, *chosen, *configured)


def _remaining(default: GateConfig, named: Set[str], exports: Sequence[str]) -> list[GateConfig]:
    if default.metric in named:
        return []
    of_exports = {name: export_metric(name, default.metric) for name in exports}
    if named.isdisjoint(of_exports.values()):
        return [default]
    left = [metric for metric in of_exports.values() if metric not in named]
    return [default.model_copy(update={"metric": metric}) for metric in left]
