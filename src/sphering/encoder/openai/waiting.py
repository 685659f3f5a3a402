"""How long to wait before a request is tried again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom

LONGEST = 30.0
"""Seconds that a delay does not exceed unless the server asks for more."""
_random = SystemRandom()


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that a server asks to wait, 0 or more; None where it asks for none, or for nonsense.

    Parameters
    ----------
    headers : mapping
        Of the answer, with lower-case names: ``retry-after-ms``, or ``retry-after`` in seconds or as a date
        (RFC 9110, 10.2.3).
    now : datetime
        With its zone.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return max(seconds * unit, 0.0)
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max((zoned - now).total_seconds(), 0.0)


def delay(first: float, tries: int, asked: float | None) -> float:
    """Return the seconds before the next try: first · 2^(tries − 1), at most 30, spread evenly over half to all of it.

    What a server asks for is waited in full, and as much again as the first delay at most: clients that were refused
    together do not come back together.
    """
    spread = _random.random()
    if asked is not None:
        return asked + first * spread
    return min(first * 2.0 ** (tries - 1), LONGEST) * (0.5 + 0.5 * spread)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
