"""Begin a run: settle the encoder, read where the refs stand, open the workspace."""

from prefect import task

from sphering.config.model import Config
from sphering.run.begin import Purpose, begin
from sphering.run.target import target_of
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="begin", task_run_name="begin-{config.corpus}", **POLICY)
def begin_run(config: Config, purpose: Purpose, selector: str | None) -> Job:
    """Open the workspace of a new run."""
    return Job(begin(config, purpose, selector), config.corpus, target_of(config))
