"""What docs/exports.md warns of does happen, and the recipes are written so that it is seen."""

from __future__ import annotations

import numpy as np
import pytest

# XQuAD alone: a trap does not depend on the corpus.
pytestmark = [pytest.mark.engines, pytest.mark.parametrize("prepared", ["xquad"], indirect=True)]


@pytest.mark.parametrize(
    ("engine", "what", "then", "said"),
    [
        ("Milvus", '"HNSW"', '"IVF_PQ"', "reserved for a future phase"),
        ("DuckDB vss", "array_inner_product(", "-array_negative_inner_product(", "AssertionError"),
        ("sqlite-vec", "distance_metric=cosine", "distance_metric=ip", "could not parse vector column"),
        ("sqlite-vec", "[query])", "[query.astype(float)])", "Dimension mismatch"),
        ("SVS", 'Path("svs").mkdir(exist_ok=True)', "", "cannot create directory"),
        ("annoy", "add_item(row, vector)", "add_item(row + 1000, vector)", "IndexError"),
        ("voyager", '"npy/vectors.npy")', '"npy/vectors.npy", mmap_mode="r")', "incompatible function arguments"),
    ],
)
def test_what_an_engine_does_not_take_ends_the_recipe(engine, what, then, said, search):
    with pytest.raises(AssertionError, match=said):
        search(engine, what, then)


def test_chromas_own_space_gives_scores_that_are_no_cosines(search, prepared):
    found = search("Chroma", '"space": "ip", ', "")
    cosines = np.array(
        [[prepared.scores[row, prepared.rows[name]] for name, _ in hits] for row, hits in enumerate(found)]
    )
    told = np.array([[score for _, score in hits] for hits in found])
    assert np.abs(told - cosines).min() > 0.05
