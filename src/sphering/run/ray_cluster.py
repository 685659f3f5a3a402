"""A Ray cluster that runs: its head answers, and its machines have the software that the run has."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from sphering.extras import require
from sphering.run.cluster_errors import no_answer, no_workers
from sphering.run.worker import Software, introduced, require_same_software

EXTRA: Final = "ray"
QUIET: Final[Mapping[str, Any]] = {"log_to_driver": False, "logging_level": "ERROR"}
"""What `ray.init` is told to say nothing on the terminal."""
# Ray reports what it is used for, and warns of its own switches, unless it is told not to.
_SILENT: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_TLS: Final = "RAY_USE_TLS"
_MODE: Final = "RAY_AUTH_MODE"
_TOKENS: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_PORT: Final = 10001
_SPEAK_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 60.0
"""A worker process may have to begin first."""


def imported() -> ModuleType:
    """Import and return Ray, told to be quiet.

    Raises
    ------
    ExtraMissingError
        If it is not installed.
    """
    for name, value in _SILENT.items():
        os.environ.setdefault(name, value)
    if _has_token():
        os.environ.setdefault(_MODE, "token")
    return require("ray", EXTRA)


def _has_token() -> bool:
    """Return whether Ray finds a token here.

    `ray start` asks for it then, and a program that connects shows it only where it is told to: else it tries for 20 s.
    A head node that asks for none takes one as well.
    """
    return any(map(os.environ.get, _TOKENS)) or (Path.home() / ".ray" / "auth_token").exists()


def check(address: str) -> None:
    """Refuse a cluster that does not answer, has no workers, or has some with other software.

    Raises
    ------
    ClusterError
        With the names of the workers, where it is their software.
    """
    with connected(address) as ray:
        workers(ray, address)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Enter Ray, connected to the cluster at an address.

    Raises
    ------
    ClusterError
        If no head node answers there.
    """
    ray = imported()
    try:
        _speak(address)
        ray.init(address=address, **QUIET)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        also = "; where its head node asks for a token, put that into RAY_AUTH_TOKEN"
        raise no_answer("Ray", address, error, _SPEAK_SECONDS, also=also) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def workers(ray: Any, address: str) -> int:
    """Return how many tasks the cluster that Ray is connected to works at once: one for each of its CPUs.

    Raises
    ------
    ClusterError
        If it has none, or machines with other software than this process.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise no_workers("Ray", address, "ray start --address=HEAD:6379")
    require_same_software(Software.here(), _introductions(ray, nodes))
    return int(sum(node["Resources"]["CPU"] for node in nodes))


def _speak(address: str) -> None:
    """Wait seconds for what Ray itself would wait half a minute and more for.

    Raises
    ------
    TimeoutError
        If nothing that speaks gRPC is there.
    """
    # "auto" names no place, and with TLS only Ray itself has what is needed to speak.
    if address == "auto" or os.environ.get(_TLS, "0").lower() in ("1", "true"):
        return
    parts = urlsplit(address if "//" in address else f"//{address}")
    grpc = require("grpc", EXTRA)
    with grpc.insecure_channel(f"{parts.hostname}:{parts.port or _PORT}") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_SPEAK_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise TimeoutError(f"no head node of Ray within {_SPEAK_SECONDS:g} s") from error


def _introductions(ray: Any, nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a process of each machine says of itself, or the error that came instead."""
    ask, place = ray.remote(num_cpus=0)(introduced), ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    asked = {
        f"{node['NodeManagerAddress']} (node {node['NodeID'][:8]})": ask.options(
            scheduling_strategy=place(node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    return {name: _answer(ray, answer) for name, answer in asked.items()}


def _answer(ray: Any, answer: Any) -> Any:
    try:
        return ray.get(answer, timeout=_ANSWER_SECONDS)
    except ray.exceptions.RayError as error:
        return error
