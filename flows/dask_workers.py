"""Dask's workers: those of a running cluster, or processes of this machine for the length of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Final

from sphering.config.run import RunConfig
from sphering.cores import machine_cores
from sphering.errors import ClusterError
from sphering.extras import require
from sphering.flows.cluster import Cluster
from sphering.flows.reach import require_reachable_server, units_end_workers
from sphering.run.worker import Software, here, machine

EXTRA: Final = "dask"
_ANSWER_SECONDS: Final = 20


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
    prefect_dask, distributed, dask = (require(name, EXTRA) for name in ("prefect_dask", "distributed", "dask"))
    if run.address is not None:
        require_reachable_server(run.address)
    with _client(distributed, run) as client:
        addresses = _checked(client)
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
            _local(distributed, run.workers, folder) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(run.address, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"the Dask cluster does not answer: {error}",
            expected=f"a scheduler that answers within {_ANSWER_SECONDS} s",
            where=f"[run] address = {run.address!r}",
            remedy="start it (`dask scheduler`), correct the address, or leave it out: then the run starts its own",
        ) from error
    with client:
        yield client


def _local(distributed: Any, workers: int, folder: str) -> Any:
    """Return processes of this machine that share its memory; one thread takes units, the encoder has the cores."""
    limit = int(distributed.system.MEMORY_LIMIT / (workers + 1))  # the run itself is one more
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=limit,
        local_directory=folder,
        dashboard_address=None,
        silence_logs="ERROR",
    )


def _checked(client: Any) -> list[str]:
    """Return the workers' addresses; refuse a cluster without workers, or with workers of other software, by name."""
    found: Mapping[str, Software] = client.run(Software.here)
    if not found:
        raise ClusterError(
            "the Dask cluster has no workers",
            expected="a worker or more",
            where=client.scheduler.address,
            remedy="start them (`dask worker ADDRESS --nworkers 2 --nthreads 1`)",
        )
    names, own = client.run(here), Software.here()
    unlike = {names[key]: own.differences(software) for key, software in found.items() if software != own}
    if unlike:
        raise ClusterError(
            "; ".join(f"the worker {name} has {words}" for name, words in unlike.items()),
            expected="the same software on every worker as where the run begins",
            where=client.scheduler.address,
            remedy="install the same versions there: pip install -c constraints.txt sphering",
        )
    return list(found)


def _shares(client: Any) -> dict[str, int]:
    machines: Mapping[str, str] = client.run(machine)
    cores: Mapping[str, int] = client.run(machine_cores)
    workers = Counter(machines.values())
    return {name: max(1, cores[key] // workers[name]) for key, name in machines.items()}
