"""The work pool, whose workers start a process for each flow run."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from sphering.errors import InputError
from sphering.flows.deploy.change import Change
from sphering.flows.deployments import POOL_TYPE

_KIND = "work pool"


def check_pool(client: SyncPrefectClient, name: str) -> None:
    """Refuse a work pool of another type.

    Raises
    ------
    InputError
        If there is one.
    """
    pool = _read(client, name)
    if pool is not None and pool.type != POOL_TYPE:
        raise InputError(
            f"the work pool {name!r} is of the type {pool.type!r}",
            expected=f"type {POOL_TYPE!r}: the package is installed where the worker runs",
            where=str(client.api_url),
            remedy="give another name with --pool",
        )


def put_pool(client: SyncPrefectClient, name: str) -> Change:
    """Create the work pool unless it is there; its limits and pauses are its operator's."""
    if _read(client, name) is not None:
        return Change(_KIND, name, "unchanged")
    client.create_work_pool(WorkPoolCreate(name=name, type=POOL_TYPE))
    return Change(_KIND, name, "created")


def _read(client: SyncPrefectClient, name: str) -> WorkPool | None:
    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        return None
