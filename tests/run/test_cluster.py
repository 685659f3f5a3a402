"""A cluster that does not answer is refused in seconds, whatever is at its address."""

import socket
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from sphering.config.run import RunConfig
from sphering.errors import ClusterError, ExtraMissingError
from sphering.run.cluster import check_cluster

WITH_DASK = pytest.mark.skipif(find_spec("prefect_dask") is None, reason="dask is not installed")
WITH_RAY = pytest.mark.skipif(find_spec("prefect_ray") is None, reason="ray is not installed")
pytestmark = pytest.mark.timeout(60)


@contextmanager
def silent():
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("runner", "scheme"),
    [
        pytest.param("dask", "tcp://", marks=WITH_DASK),
        pytest.param("ray", "ray://", marks=WITH_RAY),
        pytest.param("ray", "", marks=WITH_RAY),
    ],
)
def test_an_address_that_takes_connections_and_stays_silent_is_refused(runner, scheme):
    with silent() as port:
        address = f"{scheme}127.0.0.1:{port}"
        with pytest.raises(ClusterError, match="nothing answers") as refused:
            check_cluster(RunConfig(runner=runner, address=address))
    assert address in refused.value.where


@WITH_DASK
def test_an_address_of_another_program_is_refused(listener):
    with pytest.raises(ClusterError, match="nothing answers"):
        check_cluster(RunConfig(runner="dask", address=f"tcp://127.0.0.1:{listener.server_port}"))


@WITH_DASK
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tcp://127.0.0.1", "no-scheme-that-is-known://127.0.0.1:9"])
def test_an_address_that_nothing_listens_at_or_that_is_none_is_refused(address):
    with pytest.raises(ClusterError, match="nothing answers"):
        check_cluster(RunConfig(runner="dask", address=address))


@WITH_RAY
def test_the_ray_of_this_machine_is_refused_where_none_runs():
    with pytest.raises(ClusterError, match="nothing answers"):
        check_cluster(RunConfig(runner="ray", address="auto"))


def test_a_runner_that_is_not_installed_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("sphering.run.cluster.find_spec", lambda name: None)
    with pytest.raises(ExtraMissingError, match=r'pip install "sphering\[dask\]"'):
        check_cluster(RunConfig(runner="dask"))
