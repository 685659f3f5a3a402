"""All that `sphering deploy` does: check everything, then make what is not as it should be."""

from prefect.client.orchestration import get_client

from sphering.errors import ServerError
from sphering.flows.deploy.automations import (
    after_publication,
    dead_runs,
    find_downstream,
    put_automation,
    unbegun_runs,
)
from sphering.flows.deploy.change import Change
from sphering.flows.deploy.deployment import put_deployment
from sphering.flows.deploy.order import Order
from sphering.flows.deploy.pool import check_pool, put_pool
from sphering.flows.deployments import DEPLOYABLE
from sphering.flows.server import configured_url, require_answer


def deploy(order: Order) -> list[Change]:
    """Make the work pool, the deployments and the automations of a configuration, and return what became of each.

    A second call changes nothing. Nothing is removed.

    Raises
    ------
    ConfigError
        If the configuration does not validate.
    InputError
        If a schedule cannot be parsed, the work pool is of another type, or the downstream deployment is not there or
        takes other parameters.
    ServerError
        If no server is configured, or it does not answer.
    """
    config = order.config()
    order.check()
    _require_server()
    with get_client(sync_client=True) as client:
        check_pool(client, order.pool)
        downstream = None if order.downstream is None else find_downstream(client, order.downstream)
        changes = [put_pool(client, order.pool)]
        changes += [put_deployment(client, deployable, order) for deployable in DEPLOYABLE]
        changes += [put_automation(client, automation) for automation in (dead_runs(), unbegun_runs())]
        if downstream is not None and order.downstream is not None:
            changes.append(put_automation(client, after_publication(config, downstream, order.downstream)))
    return changes


def _require_server() -> None:
    url = configured_url()
    if not url:
        raise ServerError(
            "there is no Prefect server to deploy to: PREFECT_API_URL is not set",
            expected="a server that stays, because it starts the runs",
            where="the environment, or the Prefect profile",
            remedy="`prefect server start`, then export PREFECT_API_URL=http://127.0.0.1:4200/api",
        )
    require_answer(url)
