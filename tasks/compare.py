"""Compare releases and judge what the comparison says."""

from prefect import get_run_logger, task

from sphering.config.model import Config, GateConfig
from sphering.maintenance.earlier import Earlier, found, published_before
from sphering.maintenance.judged import Judged, judge_drift, judge_migration
from sphering.maintenance.migration import check_migration
from sphering.run.target import target_of
from sphering.store.corpus import CorpusStore, Found
from sphering.store.documents import read_document
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store
from sphering.tasks.artifact import show_angles
from sphering.tasks.policy import POLICY


@task(
    name="check-migration", task_run_name="check-migration-{config.corpus}-{config.run.channel}-into-{into}", **POLICY
)
def check(config: Config, into: str, bounds: tuple[GateConfig, ...]) -> None:
    """Refuse what cannot be migrated before anything is encoded."""
    check_migration(config, into, bounds)


@task(
    name="compare-channels", task_run_name="compare-channels-{config.corpus}-{into}-with-{config.run.channel}", **POLICY
)
def compare_channels(config: Config, into: str, bounds: tuple[GateConfig, ...]) -> Judged:
    """Compare what a channel publishes with what the configuration's own does, and judge the bounds."""
    corpus = Store.open(config.store).corpus(config.corpus)
    before, after = (corpus.find(f"{channel}/{PUBLISHED}") for channel in (into, config.run.channel))
    judged = judge_migration(corpus, before, after, bounds)
    for sentence in judged.compared["sentences"]:
        get_run_logger().info(sentence)
    _show_angles(config, corpus, after)
    return judged


@task(name="compare-with-earlier", task_run_name="compare-with-earlier-{config.corpus}-{days}-days-ago", **POLICY)
def compare_with_earlier(config: Config, days: float, max_drift: float | None) -> tuple[Earlier, Judged]:
    """Compare what is published with what was published some days ago, and judge how far it drifted."""
    corpus = Store.open(config.store).corpus(config.corpus)
    earlier = published_before(corpus, config.run.channel, days)
    then, now = (found(corpus, value) for value in (earlier.then, earlier.now))
    judged = judge_drift(corpus, then, now, max_drift)
    _show_angles(config, corpus, now)
    return earlier, judged


def _show_angles(config: Config, corpus: CorpusStore, found: Found) -> None:
    if found.release is not None:
        show_angles(target_of(config), read_document(corpus.files, corpus.layout.report(found.release.report)))
