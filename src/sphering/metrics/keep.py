"""Bring the text file of a corpus up to date after a run; what a run does not know stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sphering.config.model import Config
from sphering.errors import SpheringError
from sphering.metrics.families import GATES, PUBLISHED
from sphering.metrics.series import Series, of_end, of_result
from sphering.metrics.textfile import place, read, write
from sphering.store.refs import PUBLISHED as PUBLISHED_REF
from sphering.store.store import Store


def keep(config: Config, said: Mapping[str, Any], result: Mapping[str, Any] | None = None) -> None:
    """Write the metrics of a run that has ended, where [metrics] names a file.

    Parameters
    ----------
    config : Config
    said : mapping
        What is said of the run: what `sphering.run.outcome` returns.
    result : mapping, optional
        What the run says of itself, where it went to its end; without it the numbers are those of the run before.

    Raises
    ------
    ConfigError
        If the file is another corpus'.
    OSError
        If it cannot be written.
    """
    if config.metrics is None:
        return
    series = of_end(said)
    if result is not None:
        series |= {**of_result(result), **_published(config)}
    _keep(config, config.metrics.file, series, judged=bool(result and result.get("gates")))


def _keep(config: Config, file: str, series: Series, *, judged: bool) -> None:
    """Write series over those that the file has; gates that are no longer configured go when a run has judged."""
    corpus, channel = config.corpus, config.run.channel
    path = place(file, corpus, channel)
    before = read(path, corpus, channel)
    kept = {entry: value for entry, value in before.items() if not (judged and entry[0] in GATES)}
    write(path, corpus, channel, {**kept, **series})


def _published(config: Config) -> Series:
    """Return when `published` last moved, as its ref says; nothing before it has, or where the store is gone."""
    try:
        ref = Store.at(config.store).corpus(config.corpus).refs.read(config.run.channel, PUBLISHED_REF)
    except SpheringError:
        return {}
    return {} if ref is None else {(PUBLISHED, ()): datetime.fromisoformat(ref.at).timestamp()}
