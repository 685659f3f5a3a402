"""Cut what is new into units of work, load the encoder, and encode one unit."""

from prefect import get_run_logger, task

from sphering.progress import current
from sphering.run.embed import embed_unit, load_encoder
from sphering.run.units import Units, plan_units
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="plan-units", task_run_name="plan-units-{job.corpus}", **POLICY)
def plan_work(job: Job) -> Units:
    """Cut the texts that no shard has yet into units of work."""
    units = plan_units(job.workspace)
    get_run_logger().info("%d distinct texts to encode in %d units of work", units.encode, units.count)
    return units


@task(name="load", task_run_name="load-{job.corpus}", **POLICY)
def load(job: Job, units: Units) -> None:
    """Load the encoder where a text is to be encoded; the embedding begins."""
    if units.encode:
        load_encoder(job.workspace)
    current().start("embed", units.encode)


@task(name="embed", task_run_name="embed-{job.corpus}-{unit}", **POLICY)
def embed(job: Job, unit: int) -> None:
    """Encode one unit and create its shard; a second try adopts what the first one left."""
    embed_unit(job.workspace, unit)
