"""The steps of a run as plain lines, one at the start and one at the end of each, for logs and pipes."""

from __future__ import annotations

from threading import Lock
from typing import TextIO

from sphering.cli.step_counts import StepCount, step_name


class StepLines:
    """Writes lines to a stream; any thread may call it.

    Parameters
    ----------
    first : str
        A step that ends where any other starts.
    stream : TextIO
    """

    def __init__(self, first: str, stream: TextIO) -> None:
        self._stream = stream
        self._lock = Lock()
        self._steps: dict[str, StepCount] = {}
        self._implied = {first}

    def start(self, step: str, total: int | None = None) -> None:
        """Say that a step starts."""
        with self._lock:
            self._end_implied()
            self._open(step_name(step), total)

    def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
        """Count; a step that nobody started starts here, and ends where another one is started."""
        name = step_name(step)
        with self._lock:
            if name not in self._steps:
                self._open(name, None)
                self._implied.add(name)
            count = self._steps[name]
            count.done += amount
            count.tokens += tokens

    def finish(self, step: str) -> None:
        """Say that a step ended, how much it did and how fast."""
        with self._lock:
            self._end(step_name(step))

    def close(self, *, finished: bool = True) -> None:
        """End what is still open; without `finished` the work broke off."""
        with self._lock:
            for step in list(self._steps):
                self._end(step, "done" if finished else "stopped")

    def _end_implied(self) -> None:
        for step in self._implied & set(self._steps):
            self._end(step)

    def _open(self, step: str, total: int | None) -> None:
        count = self._steps[step] = StepCount(step, total)
        self._write(": ".join(part for part in (step, count.amount()) if part))

    def _end(self, step: str, word: str = "done") -> None:
        count = self._steps.pop(step, None)
        if count is None:
            return
        done = f"{count.done:,} {count.noun}, {count.rates()}, " if count.done else ""
        self._write(f"{step}: {word}, {done}{count.seconds:.1f} s")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()
