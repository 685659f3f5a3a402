"""Ray's workers: those of a running cluster, or processes of this machine for the length of a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from tempfile import TemporaryDirectory
from typing import Any, Final

from sphering.config.run import RunConfig
from sphering.cores import machine_cores
from sphering.errors import ClusterError
from sphering.extras import require
from sphering.flows.cluster import Cluster
from sphering.flows.reach import require_reachable_server, units_end_workers
from sphering.run.worker import machine

EXTRA: Final = "ray"
# Ray reports what it is used for, and warns of its own switches, unless it is told not to.
_QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


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
        If the cluster does not answer, or a unit ends one worker after the other.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    ray, prefect_ray = require("ray", EXTRA), require("prefect_ray", EXTRA)
    if run.address is not None:
        require_reachable_server(run.address)
    cores = machine_cores() // run.workers if run.address is None else 1
    with _connected(ray, run):
        workers = [nullcontext] * int(ray.cluster_resources().get("CPU", 1))
        yield Cluster(prefect_ray.RayTaskRunner(), {machine(): max(1, cores)}, workers)


@contextmanager
def _connected(ray: Any, run: RunConfig) -> Iterator[None]:
    # Ray leaves its logs where it worked. Its sockets lie there as well, whose names may have 107 bytes.
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        _connect(ray, run, folder)
        try:
            yield
        except (ray.exceptions.RaySystemError, ray.exceptions.WorkerCrashedError) as error:
            raise units_end_workers(error) from error
        finally:
            ray.shutdown()


def _connect(ray: Any, run: RunConfig, folder: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if run.address is None:
            ray.init(num_cpus=run.workers, include_dashboard=False, _temp_dir=folder, **quiet)
        else:
            ray.init(address=run.address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ClusterError(
            f"the Ray cluster does not answer: {error}",
            expected="a head node that answers",
            where=f"[run] address = {run.address!r}",
            remedy="start it (`ray start --head`), correct the address, or leave it out: then the run starts its own",
        ) from error
