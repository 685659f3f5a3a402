"""The kinds of evaluation, in the order in which a choice of the transform trusts them."""

from __future__ import annotations

from sphering.evaluation.halves import HALVES
from sphering.evaluation.kind import Kind
from sphering.evaluation.labels import LABELS
from sphering.evaluation.pairs import PAIRS
from sphering.evaluation.queries import QUERIES

KINDS: tuple[Kind, ...] = (PAIRS, QUERIES, HALVES, LABELS)
