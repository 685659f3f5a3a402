"""[notify]: who is told what came of a run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sphering.config.table import Table

Told = Literal["published", "held", "failed"]


class NotifyConfig(Table):
    """One POST to a webhook at the end of a run; nothing here changes a result."""

    url_env: str = Field(
        "SPHERING_WEBHOOK_URL",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description=(
            "The environment variable that holds the webhook's address, which is a secret: whoever has it may post. "
            "Slack, Mattermost and Discord's `/slack` show the `text` of what is posted."
        ),
    )
    on: tuple[Told, ...] = Field(
        ("published", "held", "failed"), description="What is worth a notice; a night without a change gives none."
    )
