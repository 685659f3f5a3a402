"""What passes between tasks: where a run works and whose corpus it is."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One run in progress.

    `workspace` is read and written by its steps, `corpus` names the task runs, and `target`, the corpus with its
    channel, names what is said of the run.
    """

    workspace: Path
    corpus: str
    target: str
