"""The work pool, whose workers start a process for each flow run."""

import re
from typing import Final

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.exceptions import ObjectNotFound

from sphering.errors import InputError
from sphering.flows.deploy.change import Change
from sphering.flows.deployments import POOL_TYPE

_KIND = "work pool"
# Prefect refuses some of the others, and its addresses end at some.
_NAME: Final = re.compile(r"[\w-][\w .@-]*")
_RESERVED: Final = "prefect"


def check_name(name: str) -> None:
    """Refuse a name that no work pool can have.

    Raises
    ------
    InputError
        If it is empty, has signs that Prefect does not take, or is one of those that Prefect keeps to itself.
    """
    if not _NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
        raise InputError(
            f"--pool {name!r} is no name of a work pool",
            expected=f"letters, digits, - and _, after the first also . @ and spaces, not beginning with {_RESERVED!r}",
            remedy="nothing was changed: correct it and deploy again",
        )


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
