"""Who hears a run's steps: a live display on a terminal, plain lines elsewhere, nobody when it is to be quiet."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sphering import progress
from sphering.cli.step_lines import StepLines
from sphering.progress import Progress

START = "start"
"""The step before the first: imports, and the Prefect server."""
_TELLING = ("sphering.notice", "sphering.tasks.notice", "sphering.tasks.telling")


@contextmanager
def listening(*, quiet: bool) -> Iterator[None]:
    """Show the steps of the work in the block on standard error."""
    if quiet:
        yield
        return
    display = _display()
    with progress.listen(display):
        display.start(START)
        try:
            yield
        except BaseException:
            display.close(finished=False)
            raise
        display.close()


@contextmanager
def warned(*, quiet: bool) -> Iterator[None]:
    """Show on standard error what the notice and the metrics of a run warn of: nothing else tells that they failed."""
    if quiet:
        yield
        return
    told = logging.StreamHandler(sys.stderr)
    told.setLevel(logging.WARNING)
    told.setFormatter(logging.Formatter("warning: %(message)s"))
    loggers = [logging.getLogger(name) for name in _TELLING]
    for logger in loggers:
        logger.addHandler(told)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(told)


class _Closing(Progress, Protocol):
    """A listener that ends with its command."""

    def close(self, *, finished: bool = True) -> None:
        """Put away what is still shown; without `finished` the work broke off."""


def _display() -> _Closing:
    if sys.stderr.isatty():
        from sphering.cli.step_bars import StepBars

        return StepBars(START)
    return StepLines(START, sys.stderr)
