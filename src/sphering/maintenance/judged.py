"""A comparison of two releases, judged by bounds on its numbers: what a migration and a watch over drift rest on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sphering.config.model import GateConfig
from sphering.errors import ConfigError
from sphering.gate.judge import judge
from sphering.run.compare import compare_found
from sphering.store.corpus import CorpusStore, Found
from sphering.store.release import GateResult

_FORM: Final = re.compile(r"(raw|transformed)\.\w+|report\.\w.*\.(a|b|change|change_low|change_high)", re.ASCII)
DRIFT: Final = "raw.drift"
COMMON_SHARE: Final = "common_share"
LEAST_COMMON: Final = 0.8
_JUDGED: Final = {"queries": "ndcg_at_10", "halves": "ndcg_at_10", "pairs": "spearman"}


@dataclass(frozen=True)
class Judged:
    """What `sphering compare` says of two releases, and the bounds as they were judged."""

    compared: Mapping[str, Any]
    gates: tuple[GateResult, ...]

    @property
    def numbers(self) -> dict[str, float | None]:
        """Every number of the comparison that a bound may name."""
        return numbers(self.compared)

    @property
    def passed(self) -> bool:
        """Whether no bound of severity `fail` is broken."""
        return all(gate.passed or gate.severity == "warn" for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison and its bounds as plain JSON values."""
        return {"passed": self.passed, "gates": [gate.to_json() for gate in self.gates], "compared": self.compared}


def check_bounds(bounds: Sequence[GateConfig]) -> None:
    """Refuse a bound on what no comparison measures, as far as that can be known before there is one.

    What `report.` and the spaces have depends on both releases: their labels, their evaluations, whether the encoders
    are one. So of these names only the form is looked at.

    Raises
    ------
    ConfigError
        If a name is of no family that `numbers` has.
    """
    for bound in bounds:
        if bound.metric != COMMON_SHARE and not _FORM.fullmatch(bound.metric):
            raise ConfigError(
                f"a bound on {bound.metric!r}, which no comparison measures",
                expected=f"{COMMON_SHARE}, raw.METRIC, transformed.METRIC, or report.PART.METRIC with .a, .b, .change, "
                ".change_low or .change_high",
                where="bounds",
                remedy="take a name from `sphering compare --json`, or `common_share`",
            )


def judge_migration(corpus: CorpusStore, a: Found, b: Found, bounds: Sequence[GateConfig] = ()) -> Judged:
    """Compare what is published with what would take its place, and judge declared bounds and the default ones.

    By default at least 0.8 of the texts of the first must be in the second, and where both were evaluated on the same,
    nDCG@10 and Spearman of the exported vectors may not be worse beyond the interval of the change. A declared bound
    takes the place of the default one on the same number.

    Raises
    ------
    ConfigError
        If a bound names a number that the comparison has not.
    """
    compared = compare_found(corpus, a, b)
    declared = {bound.metric for bound in bounds}
    defaults = [bound for bound in _migration_bounds(compared) if bound.metric not in declared]
    return Judged(compared, judge((*bounds, *defaults), numbers(compared)))


def judge_drift(corpus: CorpusStore, a: Found, b: Found, max_drift: float | None) -> Judged:
    """Compare two releases of one encoder and judge how far their documents drifted.

    Parameters
    ----------
    max_drift : float or None
        By default what [transform] max_drift was for the later release; where neither says, nothing is judged.
    """
    compared = compare_found(corpus, a, b)
    most = compared["max_drift"] if max_drift is None else max_drift
    bounds = () if most is None else (GateConfig(metric=DRIFT, max=most),)
    return Judged(compared, judge(bounds, numbers(compared)))


def numbers(compared: Mapping[str, Any]) -> dict[str, float | None]:
    """Return every number of a comparison that a bound may name.

    `raw.…` and `transformed.…` are those of the two sets of vectors; `report.PART.METRIC` has `.a`, `.b`, `.change` and
    the ends of the change's interval, `.change_low` and `.change_high`, which are the change itself without one.
    """
    texts = compared["texts"]
    found = {COMMON_SHARE: texts["common"] / texts["a"] if texts["a"] else None, DRIFT: None}
    for space in ("raw", "transformed"):
        for name, entry in ((compared[space] or {}).get("metrics") or {}).items():
            found[f"{space}.{name}"] = entry["value"]
    for part, entries in (compared["metrics"] or {}).items():
        for name, entry in entries.items():
            low, high = entry.get("interval") or (entry["change"], entry["change"])
            values = {**{key: entry[key] for key in ("a", "b", "change")}, "change_low": low, "change_high": high}
            found |= {f"report.{part}.{name}.{key}": value for key, value in values.items()}
    return found


def _migration_bounds(compared: Mapping[str, Any]) -> Iterator[GateConfig]:
    yield GateConfig(metric=COMMON_SHARE, min=LEAST_COMMON)
    same = (compared["evaluation"] or {}).get("same", {})
    for kind, metric in _JUDGED.items():
        name = f"transformed.{metric}"
        if same.get(kind) and name in compared["metrics"].get(kind, {}):
            yield GateConfig(metric=f"report.{kind}.{name}.change_high", min=0.0)
