"""Commit the snapshot, its manifest last."""

from prefect import task

from sphering.run.commit import commit_snapshot
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="commit-snapshot", task_run_name="commit-snapshot-{job.corpus}", **POLICY)
def commit(job: Job) -> str:
    """Create the snapshot unless it exists; return its id."""
    return commit_snapshot(job.workspace).snapshot
