"""transform.faiss and queries.faiss, read by FAISS, against the transform."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from sphering.bundle.faiss_transform import write_faiss
from sphering.errors import IntegrityError

KINDS = [{"kind": "none"}, {"kind": "center"}, {"kind": "abtt"}, {"kind": "whiten"}]
KINDS += [{"kind": "standard"}, {"kind": "whiten", "form": "pca", "dimension": 64}]


@pytest.mark.parametrize("transform", KINDS, ids=lambda each: "-".join(map(str, each.values())))
def test_the_step_and_the_chain_are_the_transform(side, transform, tmp_path):
    one = side(transform)
    expected = one.bundle.transform.apply(one.raw)
    said = write_faiss(one.bundle.transform, one.raw[:64], tmp_path)
    assert max(said.values()) < 1e-5
    found = faiss.read_VectorTransform(str(tmp_path / "transform.faiss")).apply(one.raw)
    faiss.normalize_L2(found)
    assert np.abs(found - expected).max() < 1e-5
    index = faiss.read_index(str(tmp_path / "queries.faiss"))
    assert (index.ntotal, index.d, index.metric_type) == (0, one.raw.shape[1], faiss.METRIC_INNER_PRODUCT)
    faiss.downcast_index(index.index).add(expected)
    scores, rows = index.search(one.raw[:20], 1)
    assert np.array_equal(rows[:, 0], np.arange(20))
    assert np.abs(scores - 1).max() < 1e-5


def test_centring_apart_is_the_more_exact_form_where_the_mean_is_long(fit_on, tmp_path):
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((400, 32)).astype(np.float32)
    raw = (spread + np.float32(100) * np.sqrt(np.float32(32)) * rng.standard_normal(32).astype(np.float32) / 6).astype(
        np.float32
    )
    said = write_faiss(fit_on(raw, "a" * 16, kind="whiten"), raw, tmp_path)
    assert 0 < said["chain_error"] < said["transform_error"] < 1e-3


def test_a_transform_that_float32_does_not_hold_is_refused(fit_on, tmp_path):
    rng = np.random.default_rng(0)
    raw = (rng.standard_normal((400, 8)) + 3e4).astype(np.float32)
    with pytest.raises(IntegrityError, match="float32"):
        write_faiss(fit_on(raw, "a" * 16, kind="whiten"), raw, tmp_path)


def test_faiss_refuses_another_dimension(side, tmp_path):
    one = side({"kind": "whiten"})
    write_faiss(one.bundle.transform, one.raw[:64], tmp_path)
    step = faiss.read_VectorTransform(str(tmp_path / "transform.faiss"))
    with pytest.raises(AssertionError):
        step.apply(one.raw[:, :100].copy())
