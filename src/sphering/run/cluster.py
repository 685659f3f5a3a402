"""Whether the runner that a configuration names can be had, asked before anything is read or started."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from urllib.parse import urlsplit

from sphering.config.run import RunConfig
from sphering.errors import ClusterError, ExtraMissingError

_MODULES = {"dask": ("distributed", "prefect_dask"), "ray": ("ray", "prefect_ray")}
_PORTS = {"dask": 8786, "ray": 10001}
_SECONDS = 5.0


def check_cluster(run: RunConfig) -> None:
    """Refuse a runner that is not installed, or a cluster at whose address nothing listens.

    Raises
    ------
    ExtraMissingError
        With the command that installs it.
    ClusterError
        If no connection is made within seconds.
    """
    if run.runner == "thread":
        return
    missing = [name for name in _MODULES[run.runner] if find_spec(name) is None]
    if missing:
        raise ExtraMissingError(
            f"the Python package {missing[0]!r} is not installed",
            expected=f"the extra {run.runner!r} of sphering, for [run] runner",
            remedy=f'pip install "sphering[{run.runner}]"',
        )
    if run.address is not None and run.address != "auto":
        _connect(run, run.address)


def _connect(run: RunConfig, address: str) -> None:
    parts = urlsplit(address if "//" in address else f"//{address}")
    try:
        place = (parts.hostname or "", parts.port or _PORTS[run.runner])
        socket.create_connection(place, _SECONDS).close()
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"nothing answers at the address of the {run.runner.capitalize()} cluster: {error}",
            expected=f"a cluster that answers within {_SECONDS:g} s",
            where=f"[run] address = {address!r}",
            remedy="start it, correct the address, or leave it out: then the run starts workers of its own",
        ) from error
