"""Plan, commit and publish the release."""

from prefect import get_run_logger, task

from sphering.run.plan_release import plan_release
from sphering.run.release import commit_release, publish
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="plan-release", task_run_name="plan-release-{job.corpus}", **POLICY)
def plan(job: Job) -> tuple[str, ...] | None:
    """Name the release and its parts; return the names of its exports, or None where the release exists."""
    planned = plan_release(job.workspace)
    get_run_logger().info("release %s %s", planned.release, "exists" if planned.exists else "is to be made")
    return None if planned.exists else tuple(planned.exports)


@task(name="commit-release", task_run_name="commit-release-{job.corpus}", **POLICY)
def commit(job: Job) -> str:
    """Judge the gates and create the release; return its id."""
    return commit_release(job.workspace)


@task(name="publish", task_run_name="publish-{job.corpus}", **POLICY)
def move_refs(job: Job) -> str:
    """Move `latest`, and `published` where the gates allow it; return the release's status."""
    return publish(job.workspace)
