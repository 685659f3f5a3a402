"""Cut what is new into units of work, and encode one."""

from prefect import get_run_logger, task

from sphering.progress import current
from sphering.run.embed import embed_unit
from sphering.run.units import plan_units
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="plan-units", task_run_name="plan-units-{job.corpus}", **POLICY)
def plan_work(job: Job) -> int:
    """Cut the texts that no shard has yet into units; return how many units there are."""
    units = plan_units(job.workspace)
    current().start("embed", units.encode)
    get_run_logger().info("%d distinct texts to encode in %d units of work", units.encode, units.count)
    return units.count


@task(name="embed", task_run_name="embed-{job.corpus}-{unit}", **POLICY)
def embed(job: Job, unit: int) -> None:
    """Encode one unit and create its shard; a second try adopts what the first one left."""
    embed_unit(job.workspace, unit)
