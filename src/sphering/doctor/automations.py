"""What the Prefect server says of those who should watch: the automations for dead runs and for unbegun ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphering.doctor.asking import answers, deployments_of_ours, every
from sphering.doctor.finding import Finding

_HEARTBEAT = "prefect.flow-run.heartbeat"
_TAKEN = "prefect.flow-run.Pending"
_PAUSE = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
_MISSES = 3
"""Heartbeats that may fail to come: `within` twice the pause marked a healthy run as crashed."""
_MEND = "sphering deploy; one that is switched off: prefect automation resume NAME"


def check(url: str) -> Iterator[Finding]:
    """Ask a server that answers for the automations that end runs which nobody ends any more."""
    yield from answers(url, _findings)


def _findings(client: Any) -> Iterator[Finding]:
    enabled = [one.trigger for one in every(client.read_automations) if one.enabled]
    yield _dead_runs([one for one in enabled if _HEARTBEAT in _events(one, "after", "expect")], _longest_pause(client))
    yield _unbegun_runs([one for one in enabled if _TAKEN in _events(one, "after")])


def _dead_runs(watching: list[Any], pause: int | None) -> Finding:
    """Return whether an automation finds runs that died, and not those that are merely between two heartbeats."""
    if not watching:
        found = "no automation looks for heartbeats: a run that was killed with its worker stays Running"
        return Finding("dead runs", "warns", found, _MEND)
    shortest = min(map(_within, watching))
    found = f"marked as crashed {shortest:g} s after their last heartbeat, one every {pause} s"
    if pause is not None and shortest < _MISSES * pause:
        mend = (
            "sphering deploy, which sets the heartbeat of its deployments and its automation; one of your own "
            f"needs within >= {_MISSES} heartbeats"
        )
        return Finding("dead runs", "warns", f"{found}: healthy runs would be among them", mend)
    return Finding("dead runs", "ok", found)


def _unbegun_runs(watching: list[Any]) -> Finding:
    if not watching:
        found = "no automation looks for runs that a worker took and never began: they stay Pending"
        return Finding("unbegun runs", "warns", found, _MEND)
    longest = max(map(_within, watching))
    return Finding("unbegun runs", "ok", f"marked as crashed {longest:g} s after a worker took them")


def _longest_pause(client: Any) -> int | None:
    """Return the seconds between two heartbeats: what deployments say of it overrules where their worker started."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY as HERE

    said = [(one.job_variables or {}).get("env", {}).get(_PAUSE, "") for one in deployments_of_ours(client)]
    return max((int(text) for text in said if str(text).isdigit()), default=HERE.value())


def _events(trigger: Any, *roles: str) -> set[str]:
    """Return the events that a trigger, or any of those inside it, starts to wait after, waits for, or both."""
    inside = getattr(trigger, "triggers", ())
    own = {event for role in roles for event in getattr(trigger, role, ())}
    return own.union(*(_events(one, *roles) for one in inside))


def _within(trigger: Any) -> float:
    inside = getattr(trigger, "triggers", None)
    return min(map(_within, inside)) if inside else trigger.within.total_seconds()
