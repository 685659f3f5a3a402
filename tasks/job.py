"""What passes between tasks: where a run works and whose corpus it is."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """One run in progress: its workspace, which the steps read and write, and the corpus, which names the task runs."""

    workspace: Path
    corpus: str
