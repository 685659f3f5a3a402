"""Cut what is new into units of work, load the encoder, and encode one unit in this process."""

from prefect import get_run_logger, task

from sphering.progress import current
from sphering.run.check_exports import check_documents
from sphering.run.embed import embed_unit, load_encoder
from sphering.run.units import Units, plan_units
from sphering.run.workspace import Workspace
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="plan-units", task_run_name="plan-units-{job.corpus}", **POLICY)
def plan_work(job: Job) -> Units:
    """Cut the texts that no shard has yet into units of work."""
    units = plan_units(job.workspace)
    get_run_logger().info("%d distinct texts to encode in %d units of work", units.encode, units.count)
    return units


@task(name="load", task_run_name="load-{job.corpus}", **POLICY)
def load(job: Job) -> int:
    """Load the encoder of this process; return its dimension."""
    return load_encoder(job.workspace)


@task(name="begin-encoding", task_run_name="begin-encoding-{job.corpus}", **POLICY)
def begin_encoding(job: Job, units: Units, dimension: int | None) -> None:
    """Refuse documents that an export cannot hold, of an encoder that is loaded; the encoding begins."""
    if dimension is not None:
        check_documents(Workspace(job.workspace), dimension)
    current().start("embed", units.encode)


@task(name="embed", task_run_name="embed-{job.corpus}-{unit}", **POLICY)
def embed(job: Job, unit: int) -> None:
    """Encode one unit and create its shard; a second try adopts what the first one left."""
    embed_unit(job.workspace, unit)
