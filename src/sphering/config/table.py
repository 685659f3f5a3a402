"""What every table of a configuration has in common: it is frozen, and unknown keys are refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Table(BaseModel):
    """A table of sphering.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
