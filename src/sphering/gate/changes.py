"""How the numbers of a release changed since the base: what a gate on `<name>_change` bounds."""

from __future__ import annotations

from collections.abc import Mapping

from sphering.gate.names import COUNT_METRICS, change_of
from sphering.gate.numbers import Numbers


def changes(tonight: Mapping[str, float | None], base: Mapping[str, float | None]) -> Numbers:
    """Return the change of every number of tonight, under the name that a gate has for it.

    A count's is relative, (tonight - base) / max(base, 1), so that one which was 0 has a finite change; that of every
    other number is the difference tonight - base. None where either side lacks the number.

    Parameters
    ----------
    tonight : mapping
        Every number of tonight's release by its name.
    base : mapping
        Those of the base; empty where there is none.
    """
    return {change_of(name): _change(name, value, base.get(name)) for name, value in tonight.items()}


def _change(name: str, value: float | None, before: float | None) -> float | None:
    if value is None or before is None:
        return None
    difference = value - before
    return difference / max(before, 1) if name.rpartition(".")[2] in COUNT_METRICS else difference
