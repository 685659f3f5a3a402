"""Where units of work are worked: in threads of the run, or by the processes of a Dask or Ray cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from prefect import unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from sphering.config.model import Config
from sphering.config.run import RunConfig
from sphering.flows import dask_workers, ray_workers
from sphering.flows.cluster import Cluster
from sphering.interruption import stopping
from sphering.progress import current
from sphering.run.units import Units
from sphering.run.worker import Site
from sphering.tasks.elsewhere import embed_elsewhere, load_elsewhere, send, take_back
from sphering.tasks.embed import begin_encoding, embed, load
from sphering.tasks.job import Job

_CLUSTERS: Final[dict[str, Callable[[RunConfig], AbstractContextManager[Cluster]]]] = {
    "dask": dask_workers.gathered,
    "ray": ray_workers.gathered,
}


def work(job: Job, config: Config, units: Units) -> None:
    """Work all units of a run; its encoder is opened once a process."""
    if config.run.runner == "thread" or not units.count:
        _in_threads(job, config, units)
    else:
        _elsewhere(job, config, units)


def threads(workers: int) -> AbstractContextManager[ThreadPoolTaskRunner[Any]]:
    """Return a pool of a stage's own, which stops encoding between two batches where the run is interrupted.

    Only the run reads how many units are encoded at once, too late for the runner that a flow is declared with. And a
    pool that a stage leaves has stopped: no task works on in a workspace that the end of the run removes.
    """
    return stopping(ThreadPoolTaskRunner(max_workers=workers))


def _in_threads(job: Job, config: Config, units: Units) -> None:
    begin_encoding(job, units, load(job) if units.encode else None)
    with threads(config.run.workers) as pool:
        for encoded in pool.map(embed, {"job": unmapped(job), "unit": list(range(units.count))}):
            encoded.result()
    current().finish("embed")


def _elsewhere(job: Job, config: Config, units: Units) -> None:
    with _gathered(config.run) as cluster, stopping(cluster.runner) as pool:
        site: Site = send(job, units, dict(cluster.cores))
        begin_encoding(job, units, _load(job, site, pool, cluster.workers[: units.count]) if units.encode else None)
        given = {"job": unmapped(job), "unit": list(range(units.count)), "site": unmapped(site)}
        for unit, encoded in enumerate(pool.map(embed_elsewhere, given)):
            encoded.result()
            take_back(job, unit, site)
        current().finish("embed")  # before the cluster ends, which is no encoding


def _load(job: Job, site: Site, pool: Any, workers: Sequence[Callable[[], AbstractContextManager[Any]]]) -> int:
    """Load the encoder on every worker, so that none begins with another one; return its dimension."""
    loads = []
    for number, at in enumerate(workers):
        with at():
            loads.append(pool.submit(load_elsewhere, {"job": job, "site": site, "worker": number}))
    (dimension,) = {load.result() for load in loads}
    return int(dimension)


@contextmanager
def _gathered(run: RunConfig) -> Iterator[Cluster]:
    progress = current()
    progress.start("workers")
    with _CLUSTERS[run.runner](run) as cluster:
        progress.finish("workers")
        yield cluster
