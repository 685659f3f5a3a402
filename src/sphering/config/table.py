"""What every table of a configuration has in common: it is frozen, and unknown keys are refused."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Table(BaseModel):
    """A table of sphering.toml."""

    # What stands in a wrong place may be a secret: no message repeats it, not even the one in a traceback.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class ContradictionError(ValueError):
    """Two values that do not go together, each of which would be right alone.

    Parameters
    ----------
    found : str
        Both, in words.
    path : tuple of str or int
        The key that is to be mended, from the table on whose validation it comes out.
    expected : str, optional
        What could stand there.
    remedy : str, optional
        What to do.
    """

    def __init__(
        self, found: str, path: tuple[str | int, ...], *, expected: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(found)
        self.path = path
        self.expected = expected
        self.remedy = remedy


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the question whether the known name was meant that a wrong one resembles; None where it resembles none."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else None
