"""Tell what came of a run, once it has ended: an event, the metrics, a notice; all three say the same.

None of this is a task, because a cancelled flow run can start none.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prefect.runtime import flow_run
from prefect.utilities.urls import url_for

from sphering.config.model import Config
from sphering.maintenance.judged import Judged
from sphering.run.outcome import failed_gates, of_check, of_failure, of_result
from sphering.run.target import target_of
from sphering.tasks.events import send_event
from sphering.tasks.notice import keep_metrics, send_notice
from sphering.tasks.wording import verdict_sentence

_log = logging.getLogger(__name__)


def tell_result(config: Config, result: Mapping[str, Any]) -> None:
    """Tell what came of a run that went to its end."""
    _tell(config, lambda: of_result(config, result, verdict_sentence(target_of(config), result)), result)


def tell_failure(config: Config, purpose: str, error: BaseException, *, started: float, run: str | None = None) -> None:
    """Tell that a run failed, or was interrupted; `run` is its id, where it came to have one."""
    _tell(config, lambda: of_failure(config, purpose, run, error, time.time() - started))


def tell_check(config: Config, purpose: str, status: str, text: str, *, started: float, **facts: Any) -> None:
    """Tell what came of something that makes no release of its own, such as `verify`."""
    _tell(config, lambda: of_check(config, purpose, status, text, time.time() - started, facts))


def compared_facts(judged: Judged) -> dict[str, Any]:
    """Return what is told of a comparison: its later release, the earlier one as the base, and the bounds broken."""
    found = judged.to_json()
    release, base = (found["compared"][side]["release"] for side in ("b", "a"))
    return {"release": release, "base": base, "gates_failed": failed_gates(found["gates"])}


@contextmanager
def failures_told(config: Config, purpose: str) -> Iterator[float]:
    """Tell where the block fails or is interrupted; the value is when it began."""
    started = time.time()
    try:
        yield started
    except BaseException as error:
        tell_failure(config, purpose, error, started=started)
        raise


def _tell(config: Config, outcome: Callable[[], dict[str, Any]], result: Mapping[str, Any] | None = None) -> None:
    try:
        said = outcome() | _flow_run()
    except Exception as error:  # whatever the store says
        _log.warning("nobody was told what came of this run: %s: %s", type(error).__name__, error)
        return
    if said["flow_run"] is not None:  # where none began there may be no server that takes an event
        send_event(said)
    keep_metrics(config, said, result)
    send_notice(config, said)


def _flow_run() -> dict[str, Any]:
    """Return the id of the flow run in progress, and its page, where there is a server that outlives the run."""
    own = flow_run.id
    return {"flow_run": own, "url": None if own is None else url_for("flow-run", obj_id=own)}
