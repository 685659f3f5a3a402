"""One deployment: created, brought up to date, or left as it is."""

from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

from sphering.config.model import Config
from sphering.flows.deploy.change import Change, differing
from sphering.flows.deploy.order import Order
from sphering.flows.deploy.slot import Slot
from sphering.flows.deployments import Deployable, job_environment
from sphering.run.target import target_of
from sphering.tasks.tags import tags_of

_KIND = "deployment"


def name_of(deployable: Deployable, config: Config) -> str:
    """Return the name of a corpus' deployment."""
    return f"{deployable.kind}-{target_of(config)}"


def put_deployment(client: SyncPrefectClient, deployable: Deployable, order: Order) -> Change:
    """Make a deployment as it is wanted; what somebody paused or scheduled beside it stays so."""
    config = order.config()
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployable.entrypoint, use_placeholder_flow=False)
    name = name_of(deployable, config)
    shown = f"{flow.name}/{name}"
    wanted = _wanted(deployable, order, config, parameter_schema(flow).model_dump(exclude_unset=True))
    slot = Slot(deployable.kind, order.schedule(deployable))
    try:
        there = client.read_deployment_by_name(shown)
    except ObjectNotFound:
        client.create_deployment(client.create_flow_from_name(flow.name), name, schedules=slot.first(), **wanted)
        return Change(_KIND, shown, "created")
    differed = differing(_comparable(_found(there)), _comparable(wanted)) + slot.differing(there)
    if not differed:
        return Change(_KIND, shown, "unchanged")
    slot.put(client, there)
    client.update_deployment(there.id, DeploymentUpdate(**wanted))
    return Change(_KIND, shown, "updated", differed)


def _wanted(deployable: Deployable, order: Order, config: Config, schema: dict[str, Any]) -> dict[str, Any]:
    given = {"config": str(order.file)} if deployable.configured else {}
    return {
        "description": deployable.description,
        "entrypoint": deployable.entrypoint,
        "parameters": {**given, **deployable.parameters},
        "parameter_openapi_schema": schema,
        "enforce_parameter_schema": True,
        "tags": tags_of(config.corpus),
        "work_pool_name": order.pool,
        "job_variables": {"env": job_environment(config)},
        "pull_steps": [],
        "concurrency_limit": 1,
        "concurrency_options": ConcurrencyOptions(collision_strategy=deployable.collision),
    }


def _found(there: DeploymentResponse) -> dict[str, Any]:
    """Return a deployment as it is there, by the names of `_wanted`."""
    limit = there.global_concurrency_limit
    return {
        **there.model_dump(),
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": there.concurrency_options,
    }


def _comparable(described: dict[str, Any]) -> dict[str, Any]:
    """Return a description in which what means the same is equal: no order of tags, and no steps as an empty list."""
    return {**described, "tags": sorted(described["tags"]), "pull_steps": described["pull_steps"] or []}
