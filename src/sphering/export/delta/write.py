"""Write a delta beside the files of an export, and say in delta.json what it is."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from sphering.errors import IntegrityError
from sphering.export.delta.base import PREFIX, DeltaBase, NoDelta
from sphering.export.delta.difference import Difference, difference
from sphering.export.protocol import ExportJob

FACTS = "delta.json"


class DeltaWriter(ABC):
    """What a format has beside `Format` whose table has the key `delta`."""

    @abstractmethod
    def write_delta(self, job: ExportJob, base: DeltaBase, found: Difference) -> None:
        """Write files into the job's folder, whose names begin with `delta`, that turn the base's index into this.

        An index that stands at the base's export holds, after they were applied, what the full export holds.
        """


def write_delta(job: ExportJob, chosen: Any) -> None:
    """Write the delta of an export whose table wants one, or in delta.json why there is none."""
    if not job.config.holds_delta:
        return
    facts: dict[str, Any]
    if isinstance(job.base, DeltaBase):
        found = difference(job, job.base)
        chosen.write_delta(job, job.base, found)
        files = sorted(path.name for path in job.folder.iterdir() if path.name.startswith(PREFIX))
        facts = {"base": job.base.release, "base_export": job.base.export, **found.counts(), "files": files}
    else:
        facts = dict((job.base or NoDelta("this export was made without a look at another")).to_json())
    (job.folder / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")


def delta_facts(folder: Path) -> dict[str, Any]:
    """Return what the manifest says of the delta of an export in place: nothing where its table wants none."""
    path = folder / FACTS
    if not path.is_file():
        return {}
    try:
        return {"delta": json.loads(path.read_text(encoding="utf-8"))}
    except ValueError as error:
        raise IntegrityError(f"this file cannot be read: {error}", where=str(path)) from error
