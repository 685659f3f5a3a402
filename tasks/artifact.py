"""What a run shows in Prefect's pages: artifacts with stable keys, so that nights form a history.

Those of a corpus in one channel are one history. A key has lower-case letters, digits and dashes only. On the page of
a run an artifact is a card with its key and description, so these two carry the meaning.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from sphering.identity import short_id
from sphering.tasks.page import Page
from sphering.tasks.wording import angles_sentence, gate_rows, report_rows, verdict_page, verdict_sentence


def artifact_key(kind: str, target: str) -> str:
    """Return the key of an artifact about a corpus in a channel.

    A name that has to be bent, as each with a channel is, gets a digest, so that no two share a key.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")
    return f"{kind}-{target}" if plain == target else f"{kind}-{plain}-{short_id(target)[:4]}"


def show_verdict(target: str, result: Mapping[str, Any]) -> None:
    """Show what came of a run: published, unchanged or held, and why."""
    _show(
        artifact_key("verdict", target),
        lambda key: create_markdown_artifact(
            key=key, description=verdict_sentence(target, result), markdown=verdict_page(target, result)
        ),
    )


def show_gates(target: str, result: Mapping[str, Any]) -> None:
    """Show every gate with the number that it judged."""
    failed = sum(not gate["passed"] for gate in result["gates"])
    description = f"{target}: {len(result['gates'])} gates, {failed} not passed"
    _show(
        artifact_key("gates", target),
        lambda key: create_table_artifact(key=key, description=description, table=gate_rows(result["gates"])),
    )


def show_report(target: str, report: Mapping[str, Any]) -> None:
    """Show the report's numbers, raw beside transformed."""
    description = f"{target}: geometry before and after the transform"
    _show(
        artifact_key("report", target),
        lambda key: create_table_artifact(key=key, description=description, table=report_rows(report)),
    )


def show_page(kind: str, target: str, page: Page) -> None:
    """Show what a flow came to: the verdict as the description of a page that says the rest."""
    _show(
        artifact_key(kind, target),
        lambda key: create_markdown_artifact(key=key, description=page.verdict, markdown=page.markdown()),
    )


def show_angles(target: str, report: Mapping[str, Any]) -> None:
    """Show the distribution of angles as a picture, inside a data URI, which Prefect's pages show offline."""
    from sphering.report.page.picture import angle_picture

    _show(
        artifact_key("angles", target),
        lambda key: create_image_artifact(
            key=key, description=angles_sentence(target, report), image_url=angle_picture(report)
        ),
    )


def _show(key: str, create: Callable[[str], Any]) -> None:
    """Make and store an artifact; a night's release must not fail for a page that cannot be drawn or stored."""
    try:
        create(key)
    except Exception:  # whatever the picture's library, the server or the network says
        get_run_logger().warning("the artifact %s could not be stored", key, exc_info=True)
