"""Which versions are installed, and those that break each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sphering.doctor.finding import Finding

_PYTHON = (3, 11)
_PREFECT = ((3, 8), (4, 0))
_MEND_PREFECT = "prefect>=3.8.8,<4"


@dataclass(frozen=True)
class Partner:
    """A package that Prefect's server needs, and that its own bounds allow in versions which break it.

    Parameters
    ----------
    name : str
    before : tuple of int
        The first version that is refused.
    mend : str
        What pip is to install.
    effect : str
        What comes of a newer one.
    """

    name: str
    before: tuple[int, int]
    mend: str
    effect: str


PARTNERS = (
    # Prefect 3.8's server fails to import with fastapi 0.155 and later; up to 0.151 was seen to work, and Prefect 3.9
    # itself asks for less than 0.151.
    Partner("fastapi", (0, 151), "fastapi>=0.139,<0.151", "Prefect's server does not start with it"),
    # Its scheduler fails at every turn: "Can't evaluate bulk DML statement".
    Partner("sqlalchemy", (2, 1), "sqlalchemy>=2.0.40,<2.1", "Prefect's server schedules no run with it"),
)


def check() -> Iterator[Finding]:
    """Look at Python, and at prefect with its partners."""
    found = sys.version.split()[0]
    state_ok = sys.version_info[:2] >= _PYTHON
    yield Finding("python", "ok" if state_ok else "fails", found, "" if state_ok else "install Python 3.11 or later")
    yield prefect_with_partners(installed("prefect"), {one.name: installed(one.name) for one in PARTNERS})


def prefect_with_partners(prefect: str | None, partners: Mapping[str, str | None]) -> Finding:
    """Return what versions mean for each other; None is not installed."""
    versions = {"prefect": prefect, **partners}
    missing = [name for name, found in versions.items() if found is None]
    if missing:
        return Finding(
            "prefect",
            "fails",
            f"{' and '.join(missing)} not installed",
            _pip(_MEND_PREFECT, *(one.mend for one in PARTNERS)),
        )
    found = f"prefect {prefect} with {' and '.join(f'{name} {number}' for name, number in partners.items())}"
    breaking = [one for one in PARTNERS if _numbers(partners[one.name] or "") >= one.before]
    if breaking:
        effects = "; ".join(f"{one.name} {partners[one.name]}: {one.effect}" for one in breaking)
        return Finding("prefect", "fails", f"{found}; {effects}", _pip(*(one.mend for one in breaking)))
    if not _PREFECT[0] <= _numbers(prefect or "") < _PREFECT[1]:
        return Finding("prefect", "fails", found, _pip(_MEND_PREFECT))
    return Finding("prefect", "ok", found)


def installed(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _pip(*requirements: str) -> str:
    return " ".join(("pip install", *(f'"{requirement}"' for requirement in requirements)))


def _numbers(text: str) -> tuple[int, int]:
    major, minor, *_ = (*text.split("."), "0")
    return int(major), int("".join(letter for letter in minor if letter.isdigit()) or 0)
