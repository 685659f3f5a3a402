"""Write the exports: first the transformed matrix that they share, then one task an export."""

from prefect import task

from sphering.run.export import prepare_matrix, write_export
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="prepare-matrix", task_run_name="prepare-matrix-{job.corpus}", **POLICY)
def prepare(job: Job) -> None:
    """Apply the transform once, for all exports."""
    prepare_matrix(job.workspace)


@task(name="export", task_run_name="export-{job.corpus}-{name}", **POLICY)
def export(job: Job, name: str) -> str:
    """Write, read back and check one export; return its id."""
    return write_export(job.workspace, name)
