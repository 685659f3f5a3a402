"""Whether workers on other machines reach the Prefect server of a run, and what is said of those that are lost."""

from urllib.parse import urlsplit

from prefect.settings import PREFECT_API_URL

from sphering.encoder.openai.access import is_loopback
from sphering.errors import ClusterError, ConfigError


def require_reachable_server(cluster: str) -> None:
    """Refuse a cluster elsewhere for a run whose Prefect server answers on this machine alone.

    Parameters
    ----------
    cluster : str
        Its address.

    Raises
    ------
    ConfigError
        If its workers could not say what became of their tasks.
    """
    server = urlsplit(PREFECT_API_URL.value() or "http://127.0.0.1").hostname or ""
    host = urlsplit(cluster if "//" in cluster else f"//{cluster}").hostname or ""
    if _is_here(server) and not _is_here(host):
        raise ConfigError(
            f"workers at {host} cannot reach a Prefect server on this machine's loopback address",
            expected="a Prefect server that they reach",
            where="PREFECT_API_URL",
            remedy="start one for the network (`prefect server start --host 0.0.0.0`), and set PREFECT_API_URL to its "
            "address here and on the workers",
        )


def units_end_workers(error: Exception) -> ClusterError:
    """Return what is said where one worker after the other ends while it works a unit."""
    return ClusterError(
        f"one worker after the other ended in the same unit of work: {error}",
        expected="workers with memory for a unit and the encoder",
        where="[run]",
        remedy="give workers more memory, set a smaller `unit_rows`, or see in their logs what ended them; what was "
        "finished is kept",
    )


def _is_here(host: str) -> bool:
    return host in ("", "localhost", "auto") or is_loopback(host)
