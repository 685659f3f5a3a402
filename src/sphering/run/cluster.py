"""Whether the runner that a configuration names can be had, asked before anything is read or started."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final

from sphering.config.run import RunConfig
from sphering.errors import ExtraMissingError
from sphering.run import dask_cluster, ray_cluster

_MODULES: Final = {"dask": ("distributed", "prefect_dask"), "ray": ("ray", "prefect_ray")}
_CHECKS: Final[dict[str, Callable[[str], None]]] = {"dask": dask_cluster.check, "ray": ray_cluster.check}


def check_cluster(run: RunConfig) -> None:
    """Refuse a runner that is not installed, and a running cluster that does not answer or cannot work for the run.

    Cost: seconds; the cluster is connected to, and its workers say what software they have.

    Raises
    ------
    ExtraMissingError
        With the command that installs it.
    ClusterError
        If the cluster does not answer, has no workers, or has some with other software.
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
    if run.address is not None:
        _CHECKS[run.runner](run.address)
