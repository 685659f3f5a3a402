"""Ray's workers: those of a running cluster, or processes of this machine for the length of a run."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Any, Final

from sphering.config.run import RunConfig
from sphering.cores import available_memory, machine_cores
from sphering.errors import ClusterError
from sphering.extras import require
from sphering.flows.cluster import Cluster
from sphering.flows.reach import units_end_workers
from sphering.run import ray_cluster
from sphering.run.worker import machine

_OBJECTS: Final = 80 << 20
"""Bytes for what tasks hand over: units lie in the store, so this is little more than the 75 MiB that Ray demands."""


@contextmanager
def gathered(run: RunConfig) -> Iterator[Cluster]:
    """Enter a cluster.

    A task takes one of Ray's CPUs: on this machine Ray is told of as many as there are workers, which share the cores;
    in a cluster each task has one core. So as many tasks as there are CPUs, submitted at once, reach every worker.

    Raises
    ------
    ExtraMissingError
        If Ray is not installed.
    ClusterError
        If the cluster does not answer, has no workers or some with other software, or a unit ends one worker after
        the other.
    """
    ray, prefect_ray = ray_cluster.imported(), require("prefect_ray", ray_cluster.EXTRA)
    with _connected(ray, run) as (workers, cores):
        try:
            yield Cluster(prefect_ray.RayTaskRunner(), {machine(): max(1, cores)}, [nullcontext] * workers)
        except (ray.exceptions.RaySystemError, ray.exceptions.WorkerCrashedError) as error:
            raise units_end_workers(error) from error


@contextmanager
def _connected(ray: Any, run: RunConfig) -> Iterator[tuple[int, int]]:
    """Connect Ray; the value is how many workers there are, and the cores of each."""
    if run.address is None:
        with _local(ray, run.workers):
            yield run.workers, machine_cores() // run.workers
    else:
        with ray_cluster.connected(run.address):
            yield ray_cluster.workers(ray, run.address), 1


@contextmanager
def _local(ray: Any, workers: int) -> Iterator[None]:
    # Ray leaves its logs where it worked. Its sockets lie there as well, whose names may have 107 bytes.
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        limits = {"_memory": max(_OBJECTS, available_memory() - _OBJECTS), "object_store_memory": _OBJECTS}
        try:
            ray.init(num_cpus=workers, include_dashboard=False, _temp_dir=folder, **limits, **ray_cluster.QUIET)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise ClusterError(
                f"Ray does not start on this machine: {error}",
                expected="a machine on which `ray start --head` works",
                where="[run] runner",
                remedy='mend what it names, or set runner = "thread" or "dask"',
            ) from error
        try:
            yield
        finally:
            ray.shutdown()
