"""A new encoder: made in a channel of its own, compared with what serves, then made in the channel that serves."""

from pathlib import Path
from typing import Any

from prefect import flow, tags
from prefect.runtime import flow_run
from prefect.states import Completed

from sphering.config.load import resolve
from sphering.config.model import Config, GateConfig
from sphering.flows.main_job import main_job
from sphering.flows.stages import carry_through, concerning, ended, named, target_of_run, to_release, to_snapshot
from sphering.maintenance.migration import entering
from sphering.run.carry import MAIN
from sphering.run.outcome import HELD, SERVED
from sphering.run.target import target_of
from sphering.tasks.artifact import show_page
from sphering.tasks.compare import check, compare_channels
from sphering.tasks.job import Job
from sphering.tasks.pages import migration_page, unmade_page
from sphering.tasks.snapshot import is_judged
from sphering.tasks.tags import tags_of
from sphering.tasks.telling import compared_facts, failures_told, tell_check

PURPOSE = "backfill"


def _name() -> str:
    return f"backfill-{target_of_run()}-into-{flow_run.parameters['into']}"


@flow(name="backfill", flow_run_name=_name)
def backfill(config: Config | Path, into: str = MAIN, bounds: tuple[GateConfig, ...] = ()) -> Any:
    """Migrate a channel to the encoder of a configuration that has a channel of its own.

    Runs the configuration there, compares its release with what `into` publishes, and judges `bounds` and the default
    ones on the numbers of that comparison. Only where they pass, the same configuration runs in `into`: nothing is
    encoded, its own gates judge, and `published` moves once, from a release of the old encoder to one of the new. Where
    the source changed since it was judged, nothing moves.

    Both runs tell what came of them; this flow tells what neither can: that it holds the migration, or that it failed
    beside them.
    """
    aside = resolve(config)
    serving = entering(aside, into)
    with concerning(aside):
        with failures_told(aside, PURPOSE):
            check(aside, into, bounds)
        with tags(*tags_of(aside.corpus)):
            made: Any = main_job(aside)
        if made["release_status"] not in SERVED:
            show_page(PURPOSE, target_of(serving), unmade_page(aside, into, made))
            return ended(aside, made)
        # Again, because the logs are about the run that has ended.
        with concerning(aside), failures_told(aside, PURPOSE) as started:
            judged = compare_channels(aside, into, bounds)
        with tags(*tags_of(serving.corpus)):
            result: Any = enter(serving, judged.compared["b"]["snapshot"]) if judged.passed else None
    page = migration_page(aside, into, judged, result)
    show_page(PURPOSE, target_of(serving), page)
    if result is not None and result["release_status"] is not None:
        return ended(serving, result)
    tell_check(serving, PURPOSE, HELD, page.verdict, started=started, **compared_facts(judged))
    return Completed(name="Held", message=page.verdict, data=result or made)


@flow(name="enter", flow_run_name=named("enter"))
def enter(config: Config | Path, judged: str) -> Any:
    """Run a configuration in the channel that it was judged for; publish only the snapshot that was judged."""

    def work(job: Job, settings: Config) -> None:
        if to_snapshot(job, settings) and is_judged(job, judged):
            to_release(job)

    return carry_through(resolve(config), "run", None, work)
