"""Measure the geometry, render its page, and show its numbers in Prefect's pages."""

from typing import Any

from prefect import task

from sphering.config.model import Config
from sphering.run.page import render_page
from sphering.run.report import write_report
from sphering.run.target import target_of
from sphering.run.workspace import Workspace
from sphering.store.documents import read_document
from sphering.store.refs import LATEST
from sphering.store.store import Store
from sphering.tasks.artifact import show_angles, show_report
from sphering.tasks.job import Job
from sphering.tasks.policy import POLICY


@task(name="report", task_run_name="report-{job.corpus}", **POLICY)
def measure(job: Job) -> str:
    """Write the report and its artifacts; return its id."""
    report = write_report(job.workspace)
    corpus = Workspace(job.workspace).corpus
    _show(job.target, read_document(corpus.files, corpus.layout.report(report)))
    return report


@task(name="render", task_run_name="render-{config.corpus}", **POLICY)
def render(config: Config, selector: str | None) -> dict[str, Any]:
    """Render a release's page again; return its place, relative to the store, and the numbers."""
    corpus = Store.open(config.store).corpus(config.corpus)
    release = corpus.find_release(selector or f"{config.run.channel}/{LATEST}")
    render_page(corpus, release)
    numbers = read_document(corpus.files, corpus.layout.report(release.report))
    _show(target_of(config), numbers)
    page = corpus.layout.page(release.id)
    return {"snapshot": release.snapshot, "release": release.id, "report": page, "numbers": numbers}


def _show(target: str, numbers: dict[str, Any]) -> None:
    show_report(target, numbers)
    show_angles(target, numbers)
