"""Whether this machine's clock agrees with the store's disk and with what was written before."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.config.paths import is_remote
from sphering.doctor.finding import Finding
from sphering.store.store import Store

if TYPE_CHECKING:
    from sphering.config.model import Config

_TOLERATED = 5.0
_MEND = "set this machine's clock (for instance with chrony or systemd-timesyncd): runs are ordered by time"


def check(config: Config) -> Iterator[Finding]:
    """Compare the clock with the store's, by a file just written beside it or its own word, and with the newest run."""
    keeper = "object store" if is_remote(config.store) else "disk"
    off = abs(_stores_clock(config) - time.time())
    if off > _TOLERATED:
        yield Finding("clock", "warns", f"the store's {keeper} is {off:.0f} s off this machine's clock", _MEND)
        return
    ahead = _newest_run(config) - datetime.now(UTC).timestamp()
    if ahead > _TOLERATED:
        yield Finding("clock", "warns", f"the newest run of the store is {ahead:.0f} s in the future", _MEND)
        return
    yield Finding("clock", "ok", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}, as the store's {keeper} has it")


def _stores_clock(config: Config) -> float:
    """Return the store's time without writing into a store that is not there yet."""
    if is_remote(config.store):
        return Store.at(config.store).files.now()
    root = Path(config.store)
    folder = next(entry for entry in (root, *root.parents) if entry.exists())
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".sphering-doctor-", suffix=".tmp") as file:
        return Path(file.name).stat().st_mtime


def _newest_run(config: Config) -> float:
    """Return the time of the newest run, which its id begins with; 0 where there is none."""
    corpus = Store.at(config.store).corpus(config.corpus)
    runs = corpus.files.children(corpus.layout.runs)
    if not runs:
        return 0.0
    return datetime.strptime(runs[-1].split("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
