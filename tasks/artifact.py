"""What a run shows in Prefect's pages: artifacts with stable keys, so that the nights of a corpus form one history.

A key has lower-case letters, digits and dashes only. On the page of a run an artifact is a card with its key and
description, so these two carry the meaning.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from sphering.identity import short_id
from sphering.tasks.page import Page
from sphering.tasks.wording import angles_sentence, gate_rows, report_rows, verdict_page, verdict_sentence


def artifact_key(kind: str, corpus: str) -> str:
    """Return the key of a corpus' artifact; a name that has to be bent gets a digest, so that no two share a key."""
    plain = re.sub(r"[^a-z0-9]+", "-", corpus.lower()).strip("-")
    return f"{kind}-{corpus}" if plain == corpus else f"{kind}-{plain}-{short_id(corpus)[:4]}"


def show_verdict(corpus: str, result: Mapping[str, Any]) -> None:
    """Show what came of a run: published, unchanged or held, and why."""
    _show(
        artifact_key("verdict", corpus),
        lambda key: create_markdown_artifact(
            key=key, description=verdict_sentence(corpus, result), markdown=verdict_page(corpus, result)
        ),
    )


def show_gates(corpus: str, result: Mapping[str, Any]) -> None:
    """Show every gate with the number that it judged."""
    failed = sum(not gate["passed"] for gate in result["gates"])
    description = f"{corpus}: {len(result['gates'])} gates, {failed} not passed"
    _show(
        artifact_key("gates", corpus),
        lambda key: create_table_artifact(key=key, description=description, table=gate_rows(result["gates"])),
    )


def show_report(corpus: str, report: Mapping[str, Any]) -> None:
    """Show the report's numbers, raw beside transformed."""
    description = f"{corpus}: geometry before and after the transform"
    _show(
        artifact_key("report", corpus),
        lambda key: create_table_artifact(key=key, description=description, table=report_rows(report)),
    )


def show_page(kind: str, corpus: str, page: Page) -> None:
    """Show what a flow came to: the verdict as the description of a page that says the rest."""
    _show(
        artifact_key(kind, corpus),
        lambda key: create_markdown_artifact(key=key, description=page.verdict, markdown=page.markdown()),
    )


def show_angles(corpus: str, report: Mapping[str, Any]) -> None:
    """Show the distribution of angles as a picture, inside a data URI, which Prefect's pages show offline."""
    from sphering.report.page.picture import angle_picture

    _show(
        artifact_key("angles", corpus),
        lambda key: create_image_artifact(
            key=key, description=angles_sentence(corpus, report), image_url=angle_picture(report)
        ),
    )


def _show(key: str, create: Callable[[str], Any]) -> None:
    """Make and store an artifact; a night's release must not fail for a page that cannot be drawn or stored."""
    try:
        create(key)
    except Exception:  # whatever the picture's library, the server or the network says
        get_run_logger().warning("the artifact %s could not be stored", key, exc_info=True)
