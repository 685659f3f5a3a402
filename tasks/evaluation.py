"""Encode the evaluation's texts, each once for all runs."""

from prefect import get_run_logger, task

from sphering.run.evaluate import evaluate
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="evaluate", task_run_name="evaluate-{job.corpus}", **POLICY)
def encode_evaluation(job: Job) -> None:
    """Encode the configured evaluation unless the store has its vectors."""
    kept = evaluate(job.workspace)
    if kept is not None:
        get_run_logger().info(
            "evaluation %s: %d texts encoded, %d vectors taken over", kept.evaluation, kept.encoded, kept.reused
        )
