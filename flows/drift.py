"""How far the documents drifted from what was published some days ago."""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.flows.stages import concerning, named
from sphering.run.outcome import DRIFTED, FINISHED
from sphering.run.target import target_of
from sphering.tasks.artifact import show_page
from sphering.tasks.compare import compare_with_earlier
from sphering.tasks.pages import drift_page
from sphering.tasks.telling import compared_facts, failures_told, tell_check

PURPOSE = "drift"


@flow(name=PURPOSE, flow_run_name=named(PURPOSE))
def drift(
    config: Config | Path,
    days: Annotated[float, Field(ge=0)] = 30,
    max_drift: Annotated[float, Field(ge=0)] | None = None,
) -> Any:
    """Compare what is published with what was published `days` ago; beyond `max_drift` the state is Drifted.

    `max_drift` is by default the [transform] max_drift of the run that made the release.
    """
    settings = resolve(config)
    with concerning(settings), failures_told(settings, PURPOSE) as started:
        earlier, judged = compare_with_earlier(settings, days, max_drift)
        page = drift_page(settings, earlier, judged)
        show_page(PURPOSE, target_of(settings), page)
    status = FINISHED if judged.passed else DRIFTED
    tell_check(settings, PURPOSE, status, page.verdict, started=started, **compared_facts(judged))
    return Completed(name="Completed" if judged.passed else "Drifted", message=page.verdict, data=judged.to_json())
