"""Remove Prefect's own records of old flow runs: the server keeps them for ever otherwise."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect import task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.exceptions import ObjectNotFound

from sphering.config.model import Config
from sphering.tasks.policy import POLICY
from sphering.tasks.tags import tags_of

BATCH = 50  # a server over SQLite answers others between two small batches


@task(name="remove-records", task_run_name="remove-records-{config.corpus}-older-than-{days}-days", **POLICY)
def remove_records(config: Config, days: float) -> int:
    """Remove the ended flow runs of a corpus that were due before, with artifacts, task runs and logs; count them.

    A run's artifacts go first, so that one that is half removed is found again. With the run the server removes its
    task runs, and its logs soon after.
    """
    due = datetime.now(UTC) - timedelta(days=days)
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=tags_of(config.corpus)),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=due),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=sorted(TERMINAL_STATES))),
    )
    removed = 0
    with get_client(sync_client=True) as client:
        while runs := client.read_flow_runs(flow_run_filter=wanted, limit=BATCH):
            for run in runs:
                _remove(client, run.id)
            removed += len(runs)
    return removed


def _remove(client: SyncPrefectClient, run: UUID) -> None:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    try:
        while artifacts := client.read_artifacts(artifact_filter=of_run, limit=BATCH):
            for artifact in artifacts:
                client.delete_artifact(artifact.id)
        client.delete_flow_run(run)
    except ObjectNotFound:  # somebody else removes as well, such as the server's own vacuum
        return
