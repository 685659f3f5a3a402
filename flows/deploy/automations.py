"""What the server does by itself: it ends dead runs, and starts what is to follow a publication."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from sphering.config.model import Config
from sphering.errors import InputError, NotFoundError
from sphering.flows.deploy.change import Change, differing
from sphering.flows.environment import HEARTBEAT_SECONDS
from sphering.run.target import target_of
from sphering.tasks.events import CHANNEL_LABEL, RELEASE, resource_of
from sphering.tasks.tags import TAG

_KIND = "automation"
_RUN: Final = "prefect.flow-run"
_HEARTBEAT: Final = f"{_RUN}.heartbeat"
# A run's last event names its last state: also those of this project's own.
_ENDS: Final = ("Completed", "Failed", "Cancelled", "Crashed", "Held", "Withdrawn", "Drifted")
_TAKEN: Final = ("Pending", "Submitting", "InfrastructurePending")
# Out of the worker's hands: it began, or the server took it back to wait for its turn.
_LEFT: Final = ("Running", "Cancelling", "Scheduled", "AwaitingConcurrencySlot", "Late")
# A run whose heart beats every 30 s was marked dead by 90 s once; 4 beats may fail to come before it is.
SILENCE: Final = timedelta(seconds=4 * HEARTBEAT_SECONDS)
# From a worker's taking a run to the run's telling of itself: imports, up to a minute on a busy machine.
START: Final = timedelta(minutes=10)
_PASSED_ON: Final = ("release", "corpus")


def dead_runs(silence: timedelta = SILENCE) -> AutomationCore:
    """Return the automation that marks a run Crashed from which nothing was heard for so long."""
    return _crashes(
        "dead runs",
        "Marks a flow run Crashed whose process is gone, so that it does not stay Running for ever.",
        message="Nothing was heard of the run any more: its process is gone.",
        after={_HEARTBEAT},
        expect={_HEARTBEAT, *_states(_ENDS)},
        within=silence,
    )


def unbegun_runs(start: timedelta = START) -> AutomationCore:
    """Return the automation that marks a run Crashed which a worker took, and which did not begin for so long."""
    return _crashes(
        "unbegun runs",
        "Marks a flow run Crashed whose worker went while it submitted it, so that it does not stay Pending for ever.",
        message="The run did not begin: the worker that took it is gone, or could not start its process.",
        after=_states(_TAKEN),
        expect=_states(_LEFT) | _states(_ENDS),
        within=start,
    )


def _states(names: Iterable[str]) -> set[str]:
    return {f"{_RUN}.{name}" for name in names}


def _crashes(
    name: str, description: str, *, message: str, after: set[str], expect: set[str], within: timedelta
) -> AutomationCore:
    return AutomationCore(
        name=f"{TAG}: {name}",
        description=description,
        trigger=EventTrigger(
            posture=Posture.Proactive,
            after=after,
            expect=expect,
            match={"prefect.resource.id": f"{_RUN}.*"},
            match_related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"},
            for_each={"prefect.resource.id"},
            threshold=1,
            within=within,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=message)],
    )


def after_publication(config: Config, downstream: DeploymentResponse, name: str) -> AutomationCore:
    """Return the automation that starts a deployment after each publication in the configuration's channel."""
    payload = {key: {"__prefect_kind": "jinja", "template": f"{{{{ event.payload.{key} }}}}"} for key in _PASSED_ON}
    return AutomationCore(
        name=f"{TAG}: {name} after {target_of(config)}",
        description=f"Starts {name} with the release and the corpus after each publication.",
        trigger=EventTrigger(
            posture=Posture.Reactive,
            expect={f"{RELEASE}.published"},
            match={"prefect.resource.id": resource_of(config.corpus), CHANNEL_LABEL: config.run.channel},
            threshold=1,
        ),
        actions=[RunDeployment(deployment_id=downstream.id, parameters=payload)],
    )


def find_downstream(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    """Return the deployment that is to follow a publication.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    InputError
        If it does not take what it is started with.
    """
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        raise NotFoundError(
            f"there is no deployment {name!r}",
            where=str(client.api_url),
            remedy="`prefect deployment ls` lists them; deploy it first",
        ) from error
    takes = (found.parameter_openapi_schema or {}).get("properties", {})
    missing = [key for key in _PASSED_ON if key not in takes]
    if missing:
        raise InputError(
            f"the deployment {name!r} takes no parameter {' and no '.join(missing)}",
            expected=f"a flow with the parameters {' and '.join(_PASSED_ON)}",
            where=str(client.api_url),
            remedy="add them to its flow and deploy that again",
        )
    return found


def put_automation(client: SyncPrefectClient, wanted: AutomationCore) -> Change:
    """Make an automation as it is wanted; one that somebody switched off stays so."""
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return Change(_KIND, wanted.name, "created")
    differed = differing(_described(there[0]), _described(wanted), said=("within",))
    if not differed:
        return Change(_KIND, wanted.name, "unchanged")
    client.update_automation(there[0].id, wanted.model_copy(update={"enabled": there[0].enabled}))
    return Change(_KIND, wanted.name, "updated", differed)


def _described(automation: AutomationCore) -> dict[str, Any]:
    described = automation.model_dump(mode="json", include={"description", "trigger", "actions"})
    trigger = described["trigger"]
    for events in ("after", "expect"):  # sets
        trigger[events] = sorted(trigger[events])
    return {**described, "within": f"{trigger.pop('within'):g} s"}
