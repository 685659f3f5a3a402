"""Dask's workers: those of a running cluster, or processes of this machine for the length of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Final

from sphering.config.run import RunConfig
from sphering.cores import available_memory, machine_cores, sensible_workers
from sphering.extras import require
from sphering.flows.cluster import Cluster
from sphering.flows.reach import units_end_workers
from sphering.run import dask_cluster
from sphering.run.worker import machine

_QUIET: Final = {
    # Dask sets MALLOC_TRIM_THRESHOLD_, with which the kernel is asked for each tensor's memory anew: a fifth slower.
    "distributed.nanny.pre-spawn-environ": {},
    # What Dask says of itself on its pages, which nobody sees here, took 3 % of the cores from encoding.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
}
"""Settings of a cluster that lives for one run."""


@contextmanager
def gathered(run: RunConfig) -> Iterator[Cluster]:
    """Enter a cluster.

    Raises
    ------
    ExtraMissingError
        If Dask is not installed.
    ClusterError
        If the cluster does not answer, or has no workers, or they have other software, or a unit ends them all.
    """
    prefect_dask, distributed, dask = (
        require(name, dask_cluster.EXTRA) for name in ("prefect_dask", "distributed", "dask")
    )
    with _client(distributed, run) as client:
        addresses = dask_cluster.workers(client)
        # Where a worker dies, what was meant for it goes to another one instead of waiting for ever.
        at = [partial(dask.annotate, workers=[address], allow_other_workers=True) for address in addresses]
        try:
            yield Cluster(prefect_dask.DaskTaskRunner(address=client.scheduler.address), _shares(client), at)
        except distributed.scheduler.KilledWorker as error:
            raise units_end_workers(error) from error


@contextmanager
def _client(distributed: Any, run: RunConfig) -> Iterator[Any]:
    if run.address is None:
        with (
            TemporaryDirectory(prefix="sphering-", ignore_cleanup_errors=True) as folder,
            _local(run.workers, folder) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    with dask_cluster.connected(run.address) as client:
        yield client


@contextmanager
def _local(workers: int, folder: str) -> Iterator[Any]:
    """Enter processes of this machine that share its memory.

    In each, as in a run without a cluster, one unit is encoded on its cores while the next is made into tokens.
    """
    dask, distributed = require("dask", dask_cluster.EXTRA), require("distributed", dask_cluster.EXTRA)
    limit = available_memory() // (workers + 1)  # the run itself is one more
    with (
        dask.config.set(_QUIET),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=sensible_workers(),
            processes=True,
            memory_limit=limit,
            local_directory=folder,
            dashboard_address=None,
            silence_logs="CRITICAL",  # a worker that ends while it greets its scheduler logs a traceback
        ) as cluster,
    ):
        yield cluster


def _shares(client: Any) -> dict[str, int]:
    machines: Mapping[str, str] = client.run(machine)
    cores: Mapping[str, int] = client.run(machine_cores)
    workers = Counter(machines.values())
    return {name: max(1, cores[key] // workers[name]) for key, name in machines.items()}
