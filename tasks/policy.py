"""How a task is tried again, and what every task of the house has in common."""

from typing import Any, Final

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from sphering.errors import TransientError

RETRIES: Final = 3


def may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Return whether a failed task run is worth another try: only where its error says that it may pass.

    A ref that moved is transient too, but not for one task: the run must begin again from where the ref stands now,
    which is the flow's to do.
    """
    error = state.data
    return isinstance(error, TransientError) and error.again_from == "step"


# NO_CACHE: hashing the inputs costs time, and the store makes nothing twice anyway. No timeout: Prefect cannot stop a
# thread, and a step that it believes dead would go on writing.
POLICY: Final[dict[str, Any]] = {
    "cache_policy": NO_CACHE,
    "persist_result": False,
    "retries": RETRIES,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
}
