"""Run a flow from a command, quietly: the environment first, then a server, then the flow itself."""

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal

from sphering import logs
from sphering.config.model import Config
from sphering.errors import ConfigError, ServerError, SpheringError
from sphering.flows.environment import prepare

FlowName = Literal["main_job", "embed", "fit", "report", "export"]
_PURPOSES: Final[dict[str, Literal["run", "embed", "fit", "export"]]] = {
    "main_job": "run",
    "embed": "embed",
    "fit": "fit",
    "export": "export",
}


def launch(name: FlowName, config: Config, *arguments: Any, verbosity: int = 0) -> dict[str, Any]:
    """Run the flow `name` of this package and return its result.

    Parameters
    ----------
    name : str
        The flow, and the module that it lies in.
    config : Config
        The configuration, as `sphering.config.load` reads it.
    *arguments
        What the flow takes beside the configuration, such as a snapshot.
    verbosity : int, default 0
        How much Prefect says on the terminal: nothing, its runs, or everything.

    Raises
    ------
    ServerError
        If no Prefect server answers, before any work or in the midst of it.
    SpheringError
        Whatever the run raises.
    """
    prepare(verbosity, config.encoder)
    logs.about(corpus=config.corpus)
    import httpx
    from prefect import tags

    from sphering.flows.server import connected, find
    from sphering.run.begin import check, check_store
    from sphering.tasks.tags import tags_of

    started = time.time()
    try:
        _find_server(find)
        if name in _PURPOSES:
            # What is wrong in the configuration is said at once, not after the seconds that a server takes to start.
            check(config, _PURPOSES[name])
            check_store(config)
    except SpheringError as error:
        if name in _PURPOSES:
            from sphering.tasks.telling import tell_failure

            tell_failure(config, _PURPOSES[name], error, started=started)
        raise
    flow = getattr(import_module(f"sphering.flows.{name}"), name)
    try:
        with connected(), tags(*tags_of(config.corpus)):
            result: dict[str, Any] = flow(config, *arguments)
    except httpx.TransportError as error:
        raise ServerError(
            f"the Prefect server stopped answering during the run: {type(error).__name__}: {error}",
            remedy="run again: what was finished is kept",
        ) from error
    return result


def _find_server(find: Callable[[], None]) -> None:
    try:
        find()
    except ValueError as error:  # how pydantic refuses a setting
        raise ConfigError(
            f"the settings of Prefect cannot be read: {error}",
            where="PREFECT_… in the environment, prefect.toml or pyproject.toml in this folder, or the Prefect profile",
            remedy="mend or remove the setting that is named above",
        ) from error
