"""Judge numbers by declared bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sphering.config.model import GateConfig
from sphering.gate.names import unknown
from sphering.store.release import GateResult


def judge(gates: Sequence[GateConfig], numbers: Mapping[str, float | None]) -> tuple[GateResult, ...]:
    """Return the result of each gate; bounds are inclusive, and a number that does not exist tonight passes.

    Parameters
    ----------
    gates : sequence of GateConfig
    numbers : mapping
        Every number that was measured; None where it is known but has no value, such as a change without a base.

    Raises
    ------
    ConfigError
        If a gate names a number that is not among them.
    """
    return tuple(_judged(gate, numbers) for gate in gates)


def _judged(gate: GateConfig, numbers: Mapping[str, float | None]) -> GateResult:
    if gate.metric not in numbers:
        raise unknown(gate.metric, numbers.keys())
    value = numbers[gate.metric]
    return GateResult(gate.metric, value, gate.min, gate.max, gate.severity, _within(value, gate.min, gate.max))


def _within(value: float | None, least: float | None, most: float | None) -> bool:
    if value is None:
        return True
    return (least is None or value >= least) and (most is None or value <= most)
