"""Read the source; tried again where it changed while it was read."""

from prefect import task

from sphering.run.ingest import ingest
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="ingest", task_run_name="ingest-{job.corpus}", **POLICY)
def ingest_source(job: Job) -> bool:
    """Stage the source's documents; return whether the gates on the run's own numbers let it go on."""
    return ingest(job.workspace).passed
