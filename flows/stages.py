"""The stages that flows share: to a snapshot, to a release, and what surrounds both."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from prefect import unmapped
from prefect.client.schemas.objects import State
from prefect.context import TagsContext
from prefect.runtime import flow_run
from prefect.states import Completed

from sphering import logs
from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.errors import SpheringError, TransientError
from sphering.flows.reach import require_reachable_server
from sphering.flows.runners import threads, work
from sphering.run.begin import Purpose
from sphering.run.outcome import HELD, WITHDRAWN
from sphering.run.target import target_of
from sphering.tasks.begin import begin_run
from sphering.tasks.embed import plan_work
from sphering.tasks.evaluation import encode_evaluation
from sphering.tasks.export import export, prepare
from sphering.tasks.finish import abandon_run, finish_run
from sphering.tasks.ingest import ingest_source
from sphering.tasks.job import Job
from sphering.tasks.release import commit as commit_release
from sphering.tasks.release import move_refs, plan
from sphering.tasks.report import measure
from sphering.tasks.snapshot import commit as commit_snapshot
from sphering.tasks.snapshot import select
from sphering.tasks.telling import tell_failure, tell_result
from sphering.tasks.transform import settle
from sphering.tasks.wording import verdict_sentence

BEGINNINGS: Final = 3
# Prefect hands the records of its extra loggers over to the run, but leaves their level to the root, which is WARNING.
logging.getLogger("sphering").setLevel(logging.INFO)
logs.install()  # for a worker's flow run, whose process Prefect has begun

Work = Callable[[Job, Config], None]


def target_of_run() -> str:
    """Return what the flow run in progress works on, for its name; the file's name where the file cannot be read."""
    config = flow_run.parameters["config"]
    try:
        return target_of(resolve(config))
    except SpheringError:
        return Path(config).stem


def named(what: str) -> Callable[[], str]:
    """Return what names the runs of a flow: what they do, of which corpus, and in which channel but main."""

    def name() -> str:
        return f"{what}-{target_of_run()}"

    return name


@contextmanager
def concerning(config: Config) -> Iterator[None]:
    """Let the logs of the block say which corpus they are about; its tasks have no tags.

    Before a task that has tags Prefect asks the server for their limits. Where that has SQLite and still writes what
    came of a longer task before, the answer is 503, and Prefect asks again 2 s later: so much a step.
    """
    logs.about(corpus=config.corpus, flow_run=str(flow_run.id), run=None)
    with TagsContext(current_tags=set()):
        yield


def carry_through(config: Config, purpose: Purpose, selector: str | None, work: Work) -> State[dict[str, Any]]:
    """Begin a run, do its work, end it, and say outside what came of it."""
    started = time.time()
    begun: list[Job] = []
    try:
        with concerning(config):
            result = _with_beginnings(config, purpose, selector, work, begun)
    except BaseException as error:
        tell_failure(config, purpose, error, started=started, run=begun[-1].workspace.name if begun else None)
        raise
    tell_result(config, result)
    return ended(config, result)


def _with_beginnings(
    config: Config, purpose: Purpose, selector: str | None, work: Work, begun: list[Job]
) -> dict[str, Any]:
    """Begin a run, do its work, end it; begin again where another run moved a ref or took the lease in the meantime.

    A second beginning finds everything that the first one made, so it costs seconds. `begun` gets each.
    """
    for beginning in range(1, BEGINNINGS + 1):
        job = begin_run(config, purpose, selector)
        begun.append(job)
        logs.about(run=job.workspace.name)
        try:
            work(job, config)
            return finish_run(job)
        except BaseException as error:
            abandon_run(job, error)
            if not _may_begin_again(error) or beginning == BEGINNINGS:
                raise
    raise AssertionError("the last beginning returns or raises")


def _may_begin_again(error: BaseException) -> bool:
    return isinstance(error, TransientError) and error.again_from == "beginning"


def ended(config: Config, result: dict[str, Any]) -> State[dict[str, Any]]:
    """Return the final state of a flow run.

    A held or withdrawn release is an outcome, not a failure: the run did its work, and nothing is gained by trying it
    again. So its state is of the type COMPLETED with a name of its own, which Prefect's pages show and its automations
    can wait for (the event is `prefect.flow-run.Held`).
    """
    status = str(result.get("release_status"))
    name = status.capitalize() if status in (HELD, WITHDRAWN) else "Completed"
    return Completed(name=name, message=verdict_sentence(target_of(config), result), data=result)


def to_snapshot(job: Job, config: Config) -> bool:
    """Ingest, embed and commit; return False where a gate on the run's own numbers ends the run."""
    if config.run.address is not None:
        require_reachable_server(config.run.address)
    if not ingest_source(job):
        return False
    units = plan_work(job)
    work(job, config, units)
    return commit_snapshot(job)


def to_release(job: Job) -> None:
    """Encode the evaluation, then fit, measure, export and publish; a release that exists is only named again."""
    encode_evaluation(job)
    settle(job)
    missing = plan(job)
    if missing is not None:
        _make_parts(job, missing)
    commit_release(job)
    move_refs(job)


def _make_parts(job: Job, exports: tuple[str, ...]) -> None:
    """Measure the report beside the exports, which need the transformed matrix first."""
    with threads(2) as pool:
        report = pool.submit(measure, {"job": job})
        pool.submit(prepare, {"job": job}).result()
        for written in pool.map(export, {"job": unmapped(job), "name": list(exports)}):
            written.result()
        report.result()


def over_selected(job: Job, _config: Config) -> None:
    """Make a release over the snapshot that the run was begun with."""
    select(job)
    to_release(job)
