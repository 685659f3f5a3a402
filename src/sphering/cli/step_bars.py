"""The steps of a run as live bars: how many, how fast, how long still."""

from __future__ import annotations

from threading import Lock

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sphering.cli.step_counts import StepCount, step_name


class _Amount(ProgressColumn):
    """Done of total, with the step's rates."""

    def render(self, task: Task) -> Text:
        """Return the column of one step."""
        count: StepCount = task.fields["count"]
        if not count.done:
            return Text(count.amount())
        of = f"/{count.total:,}" if count.total is not None else ""
        # The clock of a finished step stands still, and so do its rates.
        words = task.fields["rates"] or count.rates()
        return Text(f"{count.done:,}{of} {count.noun}  {words}")


class StepBars:
    """Shows one bar a step on standard error; any thread may call it.

    Parameters
    ----------
    first : str
        A step that ends where any other starts.
    """

    def __init__(self, first: str) -> None:
        self._implied = {first}
        self._lock = Lock()
        self._tasks: dict[str, TaskID] = {}
        self._counts: dict[str, StepCount] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<7}"),
            BarColumn(bar_width=20),
            _Amount(),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=Console(stderr=True),
        )
        self._progress.start()

    def start(self, step: str, total: int | None = None) -> None:
        """Show a step's bar."""
        with self._lock:
            for implied in self._implied & set(self._tasks):
                self._end(implied)
            self._open(step_name(step), total)

    def advance(self, step: str, amount: int = 1, *, tokens: int = 0) -> None:
        """Move a step's bar; a step that nobody started starts here, and ends where another is started."""
        name = step_name(step)
        with self._lock:
            if name not in self._tasks:
                self._open(name, None)
                self._implied.add(name)
            count = self._counts[name]
            count.done += amount
            count.tokens += tokens
            self._progress.update(self._tasks[name], completed=count.done)

    def finish(self, step: str) -> None:
        """Fill a step's bar."""
        with self._lock:
            self._end(step_name(step))

    def close(self, *, finished: bool = True) -> None:
        """Leave the bars as they stand; those that are still open are full only where the work is `finished`."""
        with self._lock:
            for step in list(self._tasks) if finished else ():
                self._end(step)
        self._progress.stop()

    def _open(self, step: str, total: int | None) -> None:
        count = self._counts[step] = StepCount(step, total)
        self._tasks[step] = self._progress.add_task(step, total=total, count=count, rates="")

    def _end(self, step: str) -> None:
        task = self._tasks.pop(step, None)
        if task is None:
            return
        count = self._counts.pop(step)
        full = max(count.done, 1)
        self._progress.update(task, total=full, completed=full, rates=count.rates())
