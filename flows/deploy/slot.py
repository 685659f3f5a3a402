"""The one schedule of a deployment that is made here, known by its slug; others are their operator's."""

from dataclasses import dataclass

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse

from sphering.flows.deploy.change import Difference
from sphering.flows.deploy.schedule import Schedule, in_words


@dataclass(frozen=True)
class Slot:
    """A slug, and the schedule that belongs there; None where somebody starts the deployment."""

    slug: str
    schedule: Schedule | None

    def first(self) -> list[DeploymentScheduleCreate]:
        """Return what a new deployment is created with."""
        return [] if self.schedule is None else [DeploymentScheduleCreate(schedule=self.schedule, slug=self.slug)]

    def differing(self, there: DeploymentResponse) -> tuple[Difference, ...]:
        """Return the schedule where it is another one there, or missing."""
        ours = self._ours(there)
        if self.schedule is None or (ours is not None and ours.schedule == self.schedule):
            return ()
        return (Difference("schedule", None if ours is None else in_words(ours.schedule), in_words(self.schedule)),)

    def put(self, client: SyncPrefectClient, there: DeploymentResponse) -> None:
        """Create the schedule, or bring it up to date, and leave those beside it."""
        if not self.differing(there):
            return
        ours = self._ours(there)
        if ours is None:
            client.create_deployment_schedules(there.id, self.first())
        else:
            client.update_deployment_schedule(there.id, ours.id, schedule=self.schedule)

    def _ours(self, there: DeploymentResponse) -> DeploymentSchedule | None:
        return next((each for each in there.schedules if each.slug == self.slug), None)
