"""What other systems may wait for: one event at the end of every run, whatever came of it."""

from typing import Any

from prefect import get_run_logger
from prefect.events import emit_event

from sphering.config.model import Config
from sphering.run.outcome import FAILED, outcome

RELEASE, RUN_FAILED = "sphering.release", "sphering.run.failed"
CHANNEL_LABEL = "sphering.channel"


def resource_of(corpus: str) -> str:
    """Return the id of a corpus as a resource of Prefect's events."""
    return f"sphering.corpus.{corpus}"


def event_of(ended: dict[str, Any]) -> str | None:
    """Return the event of an outcome, such as `sphering.release.published`; None where no release was asked for."""
    if ended["status"] == FAILED:
        return RUN_FAILED
    return f"{RELEASE}.{ended['status']}" if ended["status"] else None


def tell_ended(config: Config, run: str | None, error: BaseException | None = None) -> None:
    """Emit a run's event. No task, because a cancelled flow run can start none; a run never fails for its event."""
    try:
        ended = outcome(config, run, error)
        event = event_of(ended)
        if event is not None:
            emit_event(event, resource=_resource(config), payload=ended)
    except Exception:  # whatever the store, the server or the network says
        get_run_logger().warning("the event of the run could not be sent", exc_info=True)


def _resource(config: Config) -> dict[str, str]:
    return {
        "prefect.resource.id": resource_of(config.corpus),
        "prefect.resource.name": config.corpus,
        CHANNEL_LABEL: config.run.channel,
    }
