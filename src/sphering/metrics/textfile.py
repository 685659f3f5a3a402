"""The text file: what stands in it, and how another takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.errors import ConfigError
from sphering.metrics.families import FAMILIES, LABELS, PREFIX
from sphering.metrics.series import Labels, Series

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

_OWN = ("corpus", "channel")


def place(file: str, corpus: str, channel: str) -> Path:
    """Return the file of a corpus and channel: the one that is configured, or one of its own in a folder."""
    path = Path(file)
    return path / f"sphering-{corpus}-{channel}.prom" if path.is_dir() else path


def read(path: Path, corpus: str, channel: str) -> Series:
    """Return the series that a file has; none where it is absent or damaged.

    Raises
    ------
    ConfigError
        If it has those of another corpus or channel, which would be lost.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        families = list(text_string_to_metric_families(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, KeyError, IndexError):
        return {}
    series: Series = {}
    for sample in (sample for family in families for sample in family.samples):
        whose = tuple(sample.labels.pop(name, "") for name in _OWN)
        if whose != (corpus, channel):
            raise ConfigError(
                f"the metrics of {' '.join(whose)} stand in the file of {corpus} {channel}",
                expected="a file for each corpus and channel",
                where=str(path),
                remedy="give [metrics] file another name, or a folder: there each has a file of its own",
            )
        series[sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items()))] = sample.value
    return {entry: value for entry, value in series.items() if _is_known(*entry)}


def _is_known(name: str, labels: Labels) -> bool:
    """Return whether a series is one of today's: another version of this package may have written the file."""
    return name in FAMILIES and tuple(label for label, _ in labels) == LABELS.get(name, ())


def write(path: Path, corpus: str, channel: str, series: Series) -> None:
    """Write the series beside the file and put them in its place, so that nobody reads half of them.

    Raises
    ------
    OSError
        If they cannot be written; the folder has to be there.
    """
    from prometheus_client import CollectorRegistry, write_to_textfile

    registry = CollectorRegistry()
    registry.register(_Collected(corpus, channel, series))
    write_to_textfile(str(path), registry)


class _Collected:
    """The series as a registry collects them, in the order of the families."""

    def __init__(self, corpus: str, channel: str, series: Series) -> None:
        self._whose = (corpus, channel)
        self._series = series

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from prometheus_client.core import GaugeMetricFamily

        for name, meaning in FAMILIES.items():
            found = sorted((labels, value) for (of, labels), value in self._series.items() if of == name)
            if found:
                family = GaugeMetricFamily(PREFIX + name, meaning, labels=[*_OWN, *LABELS.get(name, ())])
                for labels, value in found:
                    family.add_metric([*self._whose, *(text for _, text in labels)], value)
                yield family
