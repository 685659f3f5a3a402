"""What other systems may wait for: one event at the end of every run, whatever came of it."""

from collections.abc import Mapping
from typing import Any

from prefect import get_run_logger
from prefect.events import emit_event

from sphering.run.outcome import OF_RELEASES

RELEASE, RUN = "sphering.release", "sphering.run"
CHANNEL_LABEL = "sphering.channel"


def resource_of(corpus: str) -> str:
    """Return the id of a corpus as a resource of Prefect's events."""
    return f"sphering.corpus.{corpus}"


def event_of(status: str) -> str:
    """Return the event of a status, such as `sphering.release.published` or `sphering.run.failed`."""
    return f"{RELEASE if status in OF_RELEASES else RUN}.{status}"


def send_event(said: Mapping[str, Any]) -> None:
    """Emit the event of a flow run. No task, because a cancelled one can start none; no run fails for its event."""
    try:
        emit_event(event_of(said["status"]), resource=_resource(said), payload=dict(said))
    except Exception:  # whatever the server or the network says
        get_run_logger().warning("the event of the run could not be sent", exc_info=True)


def _resource(said: Mapping[str, Any]) -> dict[str, str]:
    return {
        "prefect.resource.id": resource_of(said["corpus"]),
        "prefect.resource.name": said["corpus"],
        CHANNEL_LABEL: said["channel"],
    }
