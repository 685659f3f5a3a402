"""What the Prefect server says of those who should work: deployments, their schedules, pools, workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sphering.doctor.asking import answers, deployments_of_ours, every
from sphering.doctor.finding import Finding
from sphering.run.target import target_of

if TYPE_CHECKING:
    from sphering.config.model import Config

_AUTO_SCHEDULED = "auto-scheduled"
"""The tag that Prefect's scheduler gives to the runs that it makes."""


def check(url: str, config: Config | None) -> Iterator[Finding]:
    """Ask a server that answers for the deployments of this package, the runs that are to come, and their workers."""
    yield from answers(url, lambda client: _findings(client, config))


def _findings(client: Any, config: Config | None) -> Iterator[Finding]:
    ours = deployments_of_ours(client)
    if config is not None:
        yield _of_corpus(config, {one.name for one in ours})
    if not ours:
        yield Finding("deployments", "ok", "none on this server", "if you want a schedule: docs/operations.md")
        return
    yield from _pauses(client, ours)
    yield from _coming_runs(client, ours)
    for pool in sorted({one.work_pool_name for one in ours if one.work_pool_name}):
        yield _pool(client, pool)


def _of_corpus(config: Config, deployed: set[str]) -> Finding:
    from sphering.flows.deployments import DEPLOYABLE

    target = target_of(config)
    names = [f"{one.kind}-{target}" for one in DEPLOYABLE]
    missing = [name for name in names if name not in deployed]
    if not missing:
        return Finding("corpus", "ok", f"{target} is deployed")
    what = target if len(missing) == len(names) else ", ".join(missing)
    return Finding("corpus", "warns", f"not deployed on this server: {what}", "if you want a schedule: sphering deploy")


def _pauses(client: Any, ours: list[Any]) -> Iterator[Finding]:
    whole = [one for one in ours if one.paused]
    slots = [(one, each) for one in ours if not one.paused for each in one.schedules if not each.active]
    for one in whole:
        mend = f"prefect api POST /deployments/{one.id}/resume_deployment"
        yield Finding("deployments", "warns", f"{one.name} is paused: no night comes of it", mend)
    for one, each in slots:
        found = f"the schedule {each.slug or each.id} of {one.name} is paused: no night comes of it"
        mend = f"prefect deployment schedule resume {client.read_flow(one.flow_id).name}/{one.name} {each.id}"
        yield Finding("deployments", "warns", found, mend)
    if not whole and not slots:
        yield Finding("deployments", "ok", ", ".join(sorted(one.name for one in ours)))


def _coming_runs(client: Any, ours: list[Any]) -> Iterator[Finding]:
    """Look whether the server's scheduler has made the next run of each active schedule: a broken one says nothing."""
    due = {one.id: one.name for one in ours if not one.paused and any(each.active for each in one.schedules)}
    if not due:
        return
    coming = _with_coming_run(client)
    without = sorted(name for key, name in due.items() if key not in coming)
    if without:
        found = f"a schedule is active, and no run is to come, of {', '.join(without)}"
        mend = (
            "just deployed: ask again in a minute. Else the server's scheduler fails or is off: see the server's log, "
            "and run `sphering doctor` where the server is installed"
        )
        yield Finding("coming runs", "warns", found, mend)
    else:
        yield Finding("coming runs", "ok", f"of {len(due)} deployments with a schedule")


def _with_coming_run(client: Any) -> set[Any]:
    from datetime import UTC, datetime

    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    coming = filters.FlowRunFilter(
        tags=filters.FlowRunFilterTags(all_=[_AUTO_SCHEDULED]),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        next_scheduled_start_time=filters.FlowRunFilterNextScheduledStartTime(after_=datetime.now(UTC)),
    )
    return {one.id for one in every(client.read_deployments, flow_run_filter=coming)}


def _pool(client: Any, name: str) -> Finding:
    pool = client.read_work_pool(name)
    workers = every(client.read_workers_for_work_pool, name)
    alive = [worker.name for worker in workers if worker.status == "ONLINE"]
    if pool.is_paused:
        return Finding(f"pool {name}", "fails", "paused: its runs wait", f"prefect work-pool resume {name}")
    if not alive:
        mend = f"prefect worker start --pool {name} (as a service: docs/operations.md)"
        return Finding(f"pool {name}", "fails", "no worker is alive: its runs wait", mend)
    return Finding(f"pool {name}", "ok", f"{pool.type}, {len(alive)} worker{'s' if len(alive) > 1 else ''} alive")
