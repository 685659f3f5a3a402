"""End a run: its record, and the verdict in Prefect's pages."""

from typing import Any

from prefect import task

from sphering.run.finish import abandon, finish
from sphering.tasks.artifact import show_gates, show_verdict
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="finish", task_run_name="finish-{job.corpus}", **POLICY)
def finish_run(job: Job) -> dict[str, Any]:
    """Write the run's record and its artifacts; return the result."""
    result = finish(job.workspace)
    show_verdict(job.corpus, result)
    show_gates(job.corpus, result)
    return result


def abandon_run(job: Job, error: BaseException) -> None:
    """Write a failed run's record; no task, because a cancelled flow run can start none."""
    abandon(job.workspace, error)
