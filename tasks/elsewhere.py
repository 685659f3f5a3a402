"""Units of work at workers that are not the run's own process: what they need goes there, what comes of it returns."""

from prefect import task

from sphering import logs
from sphering.progress import current
from sphering.run.parcel import Parcel
from sphering.run.units import Units
from sphering.run.worker import Site, Software, embed_at, load_at
from sphering.run.workspace import Workspace
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY

logs.install()  # for the process of a worker, which a cluster has begun


@task(name="send", task_run_name="send-{job.corpus}", **POLICY)
def send(job: Job, units: Units, cores: dict[str, int]) -> Site:
    """Put the units where every worker finds them."""
    return Site(job.workspace, Parcel.sent(Workspace(job.workspace), units.count), Software.here(), cores)


@task(name="load", task_run_name="load-{job.corpus}-{worker}", **POLICY)
def load_elsewhere(job: Job, site: Site, worker: int) -> int:
    """Load the encoder of one worker and check it against its probe; return its dimension."""
    _about(job)
    return load_at(site)


@task(name="embed", task_run_name="embed-{job.corpus}-{unit}", **POLICY)
def embed_elsewhere(job: Job, unit: int, site: Site) -> None:
    """Encode one unit and create its shard; a second try adopts what the first one left."""
    _about(job)
    embed_at(site, unit)


@task(name="take-back", task_run_name="take-back-{job.corpus}-{unit}", **POLICY)
def take_back(job: Job, unit: int, site: Site) -> None:
    """Copy what came of a unit into the run's workspace, and count its texts."""
    workspace = Workspace(job.workspace)
    if site.parcel is not None:
        site.parcel.take_back(workspace, unit)
    current().advance("embed", workspace.read(f"unit-{unit:06d}")["encoded"])


def _about(job: Job) -> None:
    logs.about(corpus=job.corpus, run=job.workspace.name)
