"""Keep the base's transform or fit a new one."""

from prefect import get_run_logger, task

from sphering.run.fit import settle_transform
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="settle-transform", task_run_name="settle-transform-{job.corpus}", **POLICY)
def settle(job: Job) -> str:
    """Settle the transform of the release; return its id."""
    settled = settle_transform(job.workspace)
    moved = "" if settled.drift is None else f", drift {settled.drift:.3g}"
    get_run_logger().info("transform %s %s%s", settled.transform, settled.status, moved)
    for warning in settled.warnings:
        get_run_logger().warning("transform %s: %s", settled.transform, warning)
    return settled.transform
