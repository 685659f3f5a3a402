"""The parts of a planned release, made one after another in this process, as the flows make them side by side."""

from __future__ import annotations

from pathlib import Path

from sphering.run.export import prepare_matrix, write_export
from sphering.run.plan_release import plan_release
from sphering.run.release import commit_release
from sphering.run.report import write_report


def assemble_release(path: Path) -> str:
    """Make the report and the exports of a workspace that has its snapshot, transform and evaluation, and commit them.

    Returns
    -------
    str
        The release's id; one that exists already is not made again.
    """
    planned = plan_release(path)
    if not planned.exists:
        write_report(path)
        prepare_matrix(path)
        for name in planned.exports:
            write_export(path, name)
    commit_release(path)
    return planned.release
