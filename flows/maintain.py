"""What keeps a store, its catalog and Prefect's own records small."""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import concerning, named
from sphering.run.outcome import FINISHED
from sphering.run.target import target_of
from sphering.tasks.artifact import show_page
from sphering.tasks.maintain import collect_unneeded, rebuild_catalog
from sphering.tasks.pages import maintained_page
from sphering.tasks.records import remove_records
from sphering.tasks.telling import failures_told, tell_check

PURPOSE = "maintain"


@flow(name=PURPOSE, flow_run_name=named(PURPOSE))
def maintain(
    config: Config | Path,
    keep: Annotated[int, Field(ge=0)] = 5,
    grace_days: Annotated[float, Field(ge=0)] = 7,
    published_days: Annotated[float, Field(ge=0)] = 30,
    records_days: Annotated[float, Field(ge=0)] = 90,
) -> Any:
    """Collect what nothing needs, rebuild the catalog, and remove Prefect's records of old flow runs of the corpus.

    `keep`, `grace_days` and `published_days` are those of `sphering gc`. The last one is not to be less than the `days`
    of `drift`, which compares with what was published then.
    """
    settings = resolve(config)
    with concerning(settings), failures_told(settings, PURPOSE) as started:
        collected = collect_unneeded(settings, keep, grace_days, published_days)
        rebuild_catalog(settings)
        removed = remove_records(settings, records_days)
        page = maintained_page(target_of(settings), collected, removed)
        show_page(PURPOSE, target_of(settings), page)
    tell_check(settings, PURPOSE, FINISHED, page.verdict, started=started)
    return Completed(message=page.verdict, data=collected.to_json())
