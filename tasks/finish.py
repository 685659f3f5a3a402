"""End a run: its record, and the verdict in Prefect's pages."""

from typing import Any

from prefect import get_run_logger, task

from sphering.run.finish import abandon, finish
from sphering.tasks.artifact import show_gates, show_verdict
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY
from sphering.tasks.wording import verdict_sentence


@task(name="finish", task_run_name="finish-{job.corpus}", **POLICY)
def finish_run(job: Job) -> dict[str, Any]:
    """Write the run's record and its artifacts; return the result."""
    result = finish(job.workspace)
    get_run_logger().info(verdict_sentence(job.target, result))
    show_verdict(job.target, result)
    show_gates(job.target, result)
    return result


def abandon_run(job: Job, error: BaseException) -> None:
    """Write a failed run's record; no task, because a cancelled flow run can start none.

    The error of the run is what its user must see, so one of the record becomes its note.
    """
    try:
        abandon(job.workspace, error)
    except Exception as second:
        error.add_note(f"the record of the failed run could not be written either: {second!r}")
