"""What is said of a cluster that cannot be worked with, whichever engine it has."""

from __future__ import annotations

from sphering.errors import ClusterError


def no_answer(engine: str, address: str, error: BaseException, seconds: float, *, also: str = "") -> ClusterError:
    """Return what is said where a cluster that should run does not answer, or another program answers.

    `also` is what else may mend it with this engine.
    """
    why = str(error) or "it takes connections and stays silent"
    return ClusterError(
        f"nothing answers at the address of the {engine} cluster: {why}",
        expected=f"a cluster that answers within {seconds:g} s",
        where=f"[run] address = {address!r}",
        remedy=f"start it, correct the address, or leave it out: then the run starts workers of its own{also}",
    )


def no_workers(engine: str, address: str, start: str) -> ClusterError:
    """Return what is said of a cluster without workers; `start` is the command that starts one."""
    return ClusterError(
        f"the {engine} cluster has no workers",
        expected="a worker or more",
        where=f"[run] address = {address!r}",
        remedy=f"start them (`{start}`)",
    )
