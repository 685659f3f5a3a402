"""Whether Prefect or the model libraries would call home; what `sphering run` sets by itself is not asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sphering.doctor.finding import Finding

_OFF = ("0", "false", "no", "off", "f", "n")
# DO_NOT_TRACK alone stops the client's events only: the server's telemetry has a switch of its own.
_SWITCHES = (
    ("PREFECT_SERVER_ANALYTICS_ENABLED", False, "Prefect's server calls sens-o-matic.prefect.io"),
    ("DO_NOT_TRACK", True, "Prefect's client sends events"),
    ("HF_HUB_DISABLE_TELEMETRY", True, "the Hugging Face client reports what it is used for"),
)


def check() -> Iterator[Finding]:
    """Say where the environment overrules the silence that commands set; an unset variable is set by each command."""
    loud = [(name, wanted, effect) for name, wanted, effect in _SWITCHES if _is_set_to(name, not wanted)]
    if not loud:
        yield Finding("telemetry", "ok", "off: every command switches it off")
    for name, wanted, effect in loud:
        value = "1" if wanted else "false"
        yield Finding(
            "telemetry", "warns", f"{name}={os.environ[name]}: {effect}", f"export {name}={value}, or unset it"
        )


def _is_set_to(name: str, wanted: bool) -> bool:
    value = os.environ.get(name)
    return value is not None and (value.strip().lower() not in _OFF) == wanted
