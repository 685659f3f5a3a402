"""Read the source; tried again where it changed while it was read."""

from prefect import get_run_logger, task

from sphering.run.ingest import ingest
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="ingest", task_run_name="ingest-{job.corpus}", **POLICY)
def ingest_source(job: Job) -> bool:
    """Stage the source's documents; return whether the gates on the run's own numbers let it go on."""
    ingested = ingest(job.workspace)
    get_run_logger().info(
        "%d rows read: %d source documents; %d documents, %d of them carried over, %d deletions, %d quarantined, "
        "%d duplicates; gates %s",
        ingested.rows_read,
        ingested.source_documents,
        ingested.documents,
        ingested.carried,
        ingested.deleted,
        ingested.quarantined,
        ingested.duplicates,
        "passed" if ingested.passed else "failed",
    )
    return ingested.passed
