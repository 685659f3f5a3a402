"""Whether every stored byte is still what was written, and the encoder still gives the vectors that are stored."""

from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from sphering.config.load import resolve
from sphering.config.model import Config
from sphering.errors import IntegrityError
from sphering.flows.stages import concerning, named
from sphering.run.outcome import FINISHED
from sphering.run.target import target_of
from sphering.tasks.artifact import show_page
from sphering.tasks.pages import findings_page
from sphering.tasks.telling import failures_told, tell_check
from sphering.tasks.verify import verify_corpus

PURPOSE = "verify"


@flow(name=PURPOSE, flow_run_name=named(PURPOSE))
def verify(config: Config | Path, reencode: Annotated[int, Field(ge=0)] = 100) -> Any:
    """Verify a corpus, and encode `reencode` texts of `latest` again; what is wrong fails the flow run.

    Where the corpus keeps no texts none are encoded again.
    """
    settings = resolve(config)
    with concerning(settings), failures_told(settings, PURPOSE) as started:
        findings = verify_corpus(settings, reencode)
        page = findings_page(target_of(settings), findings)
        show_page(PURPOSE, target_of(settings), page)
        if not findings.sound:
            raise IntegrityError(
                page.verdict,
                where=findings.wrong[0]["where"],
                remedy="the artifact lists all; restore what it names from a backup",
            )
    tell_check(settings, PURPOSE, FINISHED, page.verdict, started=started)
    return Completed(message=page.verdict, data=findings.to_json())
