"""Keep a store small: collect what nothing needs, bring the catalog up to date."""

from prefect import task

from sphering.catalog.rebuild import rebuild
from sphering.config.model import Config
from sphering.maintenance.collection import Collection, collect
from sphering.store.store import Store
from sphering.tasks.policy import POLICY


@task(name="collect", task_run_name="collect-{config.corpus}", **POLICY)
def collect_unneeded(config: Config, keep: int, grace_days: float, published_days: float) -> Collection:
    """Remove what nothing needs; where a run works on the corpus, after its end."""
    corpus = Store.open(config.store).corpus(config.corpus)
    return collect(
        corpus,
        keep=keep,
        grace_days=grace_days,
        published_days=published_days,
        delete=True,
        wait=config.run.wait,
    )


@task(name="rebuild-catalog", task_run_name="rebuild-catalog-{config.corpus}", **POLICY)
def rebuild_catalog(config: Config) -> None:
    """Build the catalog of the store again."""
    rebuild(Store.open(config.store))
