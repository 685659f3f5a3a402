"""[notify]: who is told what came of a run."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from sphering.config.table import Table

Told = Literal["published", "held", "withdrawn", "drifted", "failed"]


class NotifyConfig(Table):
    """One POST to a webhook at the end of a run; nothing here changes a result."""

    url_env: str = Field(
        "SPHERING_WEBHOOK_URL",
        description=(
            "The environment variable that holds the webhook's address, which is a secret: whoever has it may post. "
            "Slack, Mattermost and Discord's `/slack` show the `text` of what is posted."
        ),
    )
    on: tuple[Told, ...] = Field(
        ("published", "held", "withdrawn", "drifted", "failed"),
        description="What is worth a notice; a night without a change gives none.",
    )

    @field_validator("url_env")
    @classmethod
    def _variable(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):  # not repeated: it may be the address
            raise ValueError("url_env is no name of an environment variable; the address itself never stands here")
        return value
