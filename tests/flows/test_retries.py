"""What is tried again, by a task and by a run."""

import pytest
from prefect import flow, task

from sphering.errors import RefMovedError, ServerError, SourceChangedError, SourceError
from sphering.tasks.policy import POLICY, RETRIES


def _attempts(error: Exception) -> int:
    """Return how often a task under the house's policy was tried when every try raised `error`."""
    tries = []

    @task(**{**POLICY, "retry_delay_seconds": 0})
    def failing() -> None:
        tries.append(1)
        raise error

    @flow
    def once() -> None:
        failing()

    with pytest.raises(type(error), match="found"):
        once()
    return len(tries)


@pytest.mark.parametrize("kind", [SourceChangedError, ServerError])
def test_a_transient_error_is_tried_again(prefect_server, kind):
    assert _attempts(kind("found")) == 1 + RETRIES


@pytest.mark.parametrize("error", [SourceError("found"), ValueError("found"), RefMovedError("found")])
def test_an_error_that_stays_is_not_tried_again(prefect_server, error):
    assert _attempts(error) == 1
