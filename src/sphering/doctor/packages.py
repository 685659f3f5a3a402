"""Which versions are installed, and those that break each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from sphering.doctor.finding import Finding

_PYTHON = (3, 11)
# Prefect 3.8 allows every fastapi below 1.0, and its server fails to import with fastapi 0.155 and later; up to 0.151
# was seen to work, and Prefect 3.9 itself asks for less than 0.151.
_FASTAPI_BEFORE = (0, 151)
_MEND_FASTAPI = 'pip install "fastapi>=0.139,<0.151"'


def check() -> Iterator[Finding]:
    """Look at Python and at the pair of prefect and fastapi."""
    found = sys.version.split()[0]
    state_ok = sys.version_info[:2] >= _PYTHON
    yield Finding("python", "ok" if state_ok else "fails", found, "" if state_ok else "install Python 3.11 or later")
    yield prefect_and_fastapi(installed("prefect"), installed("fastapi"))


def prefect_and_fastapi(prefect: str | None, fastapi: str | None) -> Finding:
    """Return what two versions mean for each other; None is not installed."""
    if prefect is None or fastapi is None:
        missing = " and ".join(name for name, found in (("prefect", prefect), ("fastapi", fastapi)) if found is None)
        return Finding(
            "prefect", "fails", f"{missing} not installed", 'pip install "prefect>=3.8.8,<4" "fastapi>=0.139,<0.151"'
        )
    pair = f"prefect {prefect} with fastapi {fastapi}"
    if _numbers(fastapi) >= _FASTAPI_BEFORE:
        return Finding("prefect", "fails", f"{pair}: Prefect's server does not start with this fastapi", _MEND_FASTAPI)
    if not (3, 8) <= _numbers(prefect) < (4, 0):
        return Finding("prefect", "fails", pair, 'pip install "prefect>=3.8.8,<4"')
    return Finding("prefect", "ok", pair)


def installed(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, int]:
    major, minor, *_ = (*text.split("."), "0")
    return int(major), int("".join(letter for letter in minor if letter.isdigit()) or 0)
