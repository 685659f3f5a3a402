"""A label column on which a choice of the transform may be judged: nothing to encode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sphering.config.evaluation import EvaluationConfig
from sphering.config.model import NormaliseConfig
from sphering.evaluation.kind import Documents, Ground, Read, Vectors
from sphering.evaluation.supervision import Supervision, of_labels
from sphering.export.search import fetch
from sphering.identity import digest
from sphering.report.measured import Json
from sphering.store.snapshot import Snapshot


@dataclass(frozen=True)
class Labels:
    """The column's name; its labels are the snapshot's."""

    column: str

    def measure(self, ground: Ground) -> Json:
        """Return which column it is: what its labels say of the geometry, the report says of every label column."""
        return {"column": self.column}

    def supervision(self, snapshot: Snapshot, sample: int) -> Supervision | None:
        """Return the texts of smallest hash that have a label; None where they have fewer than two different ones."""
        chosen = snapshot.sample(sample)
        metadata = fetch(snapshot, chosen.doc_ids, ["metadata"])["metadata"]
        found = [json.loads(text).get(self.column) for text in metadata]
        rows = np.array([row for row, label in enumerate(found) if label is not None], dtype=np.int64)
        codes = np.unique([str(found[row]) for row in rows], return_inverse=True)[1].astype(np.int64)
        if len(rows) == 0 or codes.max() == 0:
            return None
        hashes = tuple((chosen.text_hashes[row].tobytes(),) for row in rows)
        return of_labels(chosen.vectors[rows], codes, hashes)


class _Kind:
    name = "labels"

    def read(self, section: EvaluationConfig, config: NormaliseConfig, documents: Documents) -> Read | None:
        if section.labels is None:
            return None
        facts = {"column": section.labels}
        return Read(digest=digest(facts), facts=facts)

    def open(self, facts: Json, tables: Mapping[str, Any], vectors: Vectors) -> Labels:
        return Labels(facts["column"])


LABELS = _Kind()
