"""The recipes of docs/exports.md as they stand: what each engine finds, against exact search."""

from __future__ import annotations

import numpy as np
import pytest
from recipes import EXACT, SEARCHED

pytestmark = pytest.mark.engines

# Engines compute a score in float32 and in another order; equal vectors may come in any.
ROUNDING = 5e-6
K = 10


@pytest.mark.parametrize("engine", SEARCHED)
def test_a_recipe_finds_what_exact_search_finds(engine, search, prepared):
    found = search(engine)
    assert [len({doc_id for doc_id, _ in hits}) for hits in found] == [K] * len(prepared.scores)
    rows = np.array([[prepared.rows[doc_id] for doc_id, _ in hits] for hits in found])
    told = np.array([[score for _, score in hits] for hits in found])
    scores = np.take_along_axis(prepared.scores, rows, axis=1)
    best = -np.sort(-prepared.scores, axis=1)[:, :K]
    assert np.abs(told - scores).max() < ROUNDING
    assert (np.diff(told, axis=1) < ROUNDING).all()
    recall = (scores >= best[:, -1:] - ROUNDING).mean()
    print(f"{engine}: {len(prepared.rows)} documents, recall@10 {recall:.4f}")  # noqa: T201
    if engine in EXACT:
        assert np.abs(told - best).max() < ROUNDING
    assert recall >= 0.9
