"""The gates that hold unless the configuration has one on the same number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sphering.config.model import GateConfig
from sphering.gate.names import RUN_METRICS, check_names

RUN_DEFAULTS = (
    GateConfig(metric="quarantined_share", max=0.01),
    GateConfig(metric="documents_change", min=-0.2),
)
RELEASE_DEFAULTS = (
    GateConfig(metric="non_finite", max=0.0),
    GateConfig(metric="excluded_share", max=0.001),
    GateConfig(metric="recall_at_10", min=0.9),
    GateConfig(metric="truncated_share", max=0.05, severity="warn"),
    GateConfig(metric="unknown_share", max=0.01, severity="warn"),
)


def split(gates: Sequence[GateConfig]) -> tuple[tuple[GateConfig, ...], tuple[GateConfig, ...]]:
    """Return the gates on the run's own numbers and those on the release's, the defaults with them.

    A configured gate replaces the default on the same number.

    Raises
    ------
    ConfigError
        If a gate bounds a number that no run measures.
    """
    check_names(gates)
    run = [gate for gate in gates if gate.metric in RUN_METRICS]
    release = [gate for gate in gates if gate.metric not in RUN_METRICS]
    return _with_defaults(RUN_DEFAULTS, run), _with_defaults(RELEASE_DEFAULTS, release)


def _with_defaults(defaults: Iterable[GateConfig], configured: Sequence[GateConfig]) -> tuple[GateConfig, ...]:
    named = {gate.metric for gate in configured}
    return (*(gate for gate in defaults if gate.metric not in named), *configured)
