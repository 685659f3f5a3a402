"""A Dask cluster that runs: its scheduler answers, and its workers have the software that the run has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from sphering.extras import require
from sphering.run.cluster_errors import no_answer, no_workers
from sphering.run.worker import Software, introduced, require_same_software

EXTRA: Final = "dask"
_CONNECT_SECONDS: Final = 2.0
_SPEAK_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 20.0


def check(address: str) -> None:
    """Refuse a cluster that does not answer, has no workers, or has some with other software.

    Raises
    ------
    ClusterError
        With the names of the workers, where it is their software.
    """
    with connected(address) as client:
        workers(client)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Enter a client of the scheduler at an address.

    Raises
    ------
    ClusterError
        If no scheduler answers there within seconds.
    """
    distributed = require("distributed", EXTRA)
    # What answers may be anything: a program that is no scheduler sends sizes that no memory has.
    try:
        _speak(distributed, address)
        client = distributed.Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError, MemoryError, OverflowError) as error:
        raise no_answer("Dask", address, error, _SPEAK_SECONDS) from error
    with client:
        yield client


def workers(client: Any) -> list[str]:
    """Return the addresses of a cluster's workers.

    Raises
    ------
    ClusterError
        If it has none, or some with other software than this process.
    """
    found = client.run(introduced, on_error="return")
    if not found:
        address = client.scheduler.address
        raise no_workers("Dask", address, f"dask worker {address} --nworkers 1 --nthreads 2")
    require_same_software(Software.here(), found)
    return list(found)


def _speak(distributed: Any, address: str) -> None:
    """Exchange greetings with a scheduler: a client's time-out does not end its wait for one that stays silent."""
    with ThreadPoolExecutor(1) as thread:  # this one may have an event loop that runs
        thread.submit(asyncio.run, _greet(distributed, address)).result()


async def _greet(distributed: Any, address: str) -> None:
    secrets = distributed.Security().get_connection_args("client")
    connecting = distributed.comm.connect(address, timeout=_CONNECT_SECONDS, **secrets)
    comm = await asyncio.wait_for(connecting, _SPEAK_SECONDS)
    await comm.close()
