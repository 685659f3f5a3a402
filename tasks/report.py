"""Measure the geometry and show it in Prefect's pages."""

from prefect import task

from sphering.run.report import write_report
from sphering.run.workspace import Workspace
from sphering.store.documents import read_document
from sphering.tasks.artifact import show_angles, show_report
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="report", task_run_name="report-{job.corpus}", **POLICY)
def measure(job: Job) -> str:
    """Write the report and its artifacts; return its id."""
    report = write_report(job.workspace)
    corpus = Workspace(job.workspace).corpus
    numbers = read_document(corpus.files, corpus.layout.report(report))
    show_report(job.corpus, numbers)
    show_angles(job.corpus, numbers)
    return report
