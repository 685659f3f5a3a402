"""The snapshot that a run works on: committed, its manifest last, or taken from a release."""

from prefect import get_run_logger, task

from sphering.run.commit import commit_snapshot
from sphering.run.select import select_snapshot
from sphering.run.workspace import Workspace
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="commit-snapshot", task_run_name="commit-snapshot-{job.corpus}", **POLICY)
def commit(job: Job) -> bool:
    """Create the snapshot unless it exists; return whether the texts that the encoder refused let the run go on."""
    committed = commit_snapshot(job.workspace)
    if committed is None:
        get_run_logger().info("no snapshot: the encoder refused more texts than a gate allows")
        return False
    get_run_logger().info("snapshot %s %s: %d documents", committed.snapshot, committed.status, committed.documents)
    return True


@task(name="look-again", task_run_name="look-again-{job.corpus}", **POLICY)
def is_judged(job: Job, judged: str) -> bool:
    """Return whether a run came to the snapshot that was judged; where the source changed it is another one."""
    snapshot = Workspace(job.workspace).read("snapshot")["snapshot"]
    if snapshot != judged:
        get_run_logger().warning("nothing is published: the snapshot is %s, and %s was judged", snapshot, judged)
    return bool(snapshot == judged)


@task(name="select-snapshot", task_run_name="select-snapshot-{job.corpus}", **POLICY)
def select(job: Job) -> str:
    """Take the snapshot of the release that the run was begun with; return its id."""
    return select_snapshot(job.workspace).snapshot
