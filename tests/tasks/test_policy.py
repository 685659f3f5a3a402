"""Every task of the house, by its settings."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from prefect.cache_policies import NO_CACHE
from prefect.tasks import Task

import sphering.tasks
from sphering.errors import RefMovedError, SourceChangedError, SourceError
from sphering.tasks.policy import RETRIES, may_pass

MODULES = [import_module(f"sphering.tasks.{found.name}") for found in pkgutil.iter_modules(sphering.tasks.__path__)]
TASKS = {
    f"{module.__name__.rpartition('.')[2]}/{value.name}": value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, Task) and value.fn.__module__ == module.__name__
}
BODY_LINES = 20


def test_every_step_of_a_run_has_its_task():
    first = "begin ingest plan-units load begin-encoding embed send take-back commit-snapshot select-snapshot evaluate"
    last = "settle-transform plan-release report prepare-matrix export commit-release publish render finish"
    others = (
        "verify collect rebuild-catalog remove-records check-migration compare-channels look-again compare-with-earlier"
    )
    assert {task.name for task in TASKS.values()} == {*first.split(), *last.split(), *others.split()}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_caches_nothing_and_stores_no_result(name):
    assert TASKS[name].cache_policy is NO_CACHE
    assert TASKS[name].persist_result is False


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_no_timeout(name):
    assert TASKS[name].timeout_seconds is None


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_tried_again_for_transient_errors_only(name):
    assert TASKS[name].retries == RETRIES
    assert TASKS[name].retry_condition_fn is may_pass
    assert inspect.isfunction(may_pass)
    assert TASKS[name].retry_jitter_factor > 0
    delays = TASKS[name].retry_delay_seconds
    assert delays == sorted(set(delays))


@pytest.mark.parametrize("name", TASKS)
def test_a_task_run_says_its_step_and_its_corpus(name):
    assert TASKS[name].task_run_name.startswith(f"{TASKS[name].name}-")
    assert "corpus}" in TASKS[name].task_run_name


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_short(name):
    assert len(inspect.getsource(TASKS[name].fn).splitlines()) <= BODY_LINES


def test_only_what_may_pass_is_tried_again():
    from prefect.states import Failed

    def tried(error: Exception | None) -> bool:
        return may_pass(TASKS["ingest/ingest"], None, Failed(data=error))

    assert tried(SourceChangedError("the source changed"))
    assert not tried(SourceError("no such column"))
    assert not tried(RefMovedError("the ref moved"))
    assert not tried(ValueError("a bug"))
    assert not tried(None)
