"""Degenerate vectors: a right value, or none with its reason; never a warning, never a wrong number."""

import json
import math

import numpy as np
import pytest

from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.effective_rank import second_moment
from sphering.geometry.estimate import Estimate
from sphering.geometry.hubness import hubness
from sphering.geometry.intrinsic_dimension import mle_dimension, nearest_neighbours, two_nn
from sphering.geometry.moments import Moments
from sphering.geometry.near_duplicates import NearRows, near_duplicate_pairs
from sphering.geometry.neighbours import neighbours
from sphering.geometry.partition import partition_isotropy
from sphering.geometry.spectrum import spectrum
from sphering.geometry.summary import extended_metrics, moment_metrics

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def measured(vectors):
    return moment_metrics(filled(vectors))


def further(vectors):
    """Return the extended metrics, and those of pairs and neighbours, of the vectors that are finite."""
    moments = filled(vectors)
    uncentred = second_moment(moments) if moments.n else None
    values, directions = (None, None) if uncentred is None else uncentred
    finite = vectors[np.isfinite(vectors).all(axis=1)]
    near = NearRows(np.ones(len(finite), np.int64))
    distances = nearest_neighbours(finite).distances
    found = {
        **extended_metrics(moments, spectrum(moments) if moments.n > 1 else None, values),
        "twonn_dimension": two_nn(distances),
        "mle_dimension": mle_dimension(distances),
        "uniformity": cosine_distribution(finite).uniformity,
    }
    if directions is not None:
        found["partition_isotropy"] = partition_isotropy(finite, directions)
    if len(finite) > 1:
        found |= hubness(neighbours(finite, 1, ["cosine"], near)["cosine"])
    return {**found, "near_duplicate_pairs": near_duplicate_pairs(near, len(finite))}


ONE = np.array([[3.0, 4.0]], np.float32)
NORMAL = np.random.default_rng(0).standard_normal((100, 6)).astype(np.float32)
CASES = {
    "none": ONE[:0],
    "one": ONE,
    "two": np.array([[3.0, 4.0], [4.0, 3.0]], np.float32),
    "opposite": np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]], np.float32),
    "as many as dimensions": NORMAL[:6],
    "constant": np.full((50, 5), 0.3, np.float32),
    "constant in float64": np.full((50, 5), 0.1),
    "orthogonal": np.eye(8, dtype=np.float32),
    "one dimension": np.arange(1, 30, dtype=np.float32)[:, None],
    "float16": NORMAL.astype(np.float16),
    "NaN rows": np.where(np.arange(100)[:, None] < 3, np.float32(np.nan), NORMAL),
    "only NaN": np.full((4, 3), np.nan, np.float32),
    "only zeros": np.zeros((4, 3), np.float32),
    "huge": NORMAL * np.float32(1e37),
    "tiny": NORMAL * np.float32(1e-37),
}


@pytest.mark.parametrize("name", CASES)
def test_every_metric_has_a_finite_value_or_a_reason(name):
    for metric, estimate in {**measured(CASES[name]), **further(CASES[name])}.items():
        content = json.loads(json.dumps(estimate.to_json(), allow_nan=False))
        assert "value" in content
        assert (estimate.value is None) == (estimate.reason is not None), metric
    finite = CASES[name][np.isfinite(CASES[name]).all(axis=1)]
    found = cosine_distribution(finite)
    assert found.counts.sum() == found.pairs


@pytest.mark.parametrize("name", ["constant", "constant in float64"])
def test_constant_vectors_have_one_direction_and_no_spectrum(name):
    found = measured(CASES[name])
    assert found["mean_cosine"].value == pytest.approx(1.0, abs=1e-12)
    assert found["cosine_variance"].value == 0.0
    assert found["mean_norm"].value == pytest.approx(1.0)
    assert found["rank"].value == 0
    for metric in ("participation_ratio", "isoscore", "entropy_rank", "condition", "effective_dimension"):
        assert found[metric].value is None
        assert "equal" in found[metric].reason


@pytest.mark.parametrize("name", ["constant", "constant in float64"])
def test_constant_vectors_are_one_point_and_near_one_another(name):
    found = further(CASES[name])
    assert found["uniformity"].value == pytest.approx(0.0, abs=1e-12)
    assert found["stable_rank"].value == pytest.approx(1.0)
    assert found["self_cluster"].value == pytest.approx(1.0)
    assert found["partition_isotropy"].value < 1.0
    assert found["near_duplicate_pairs"].value == 50 * 49 / 2
    for metric in ("nesum", "marchenko_pastur_edge", "vmf_kappa", "twonn_dimension", "mle_dimension"):
        assert found[metric].value is None, metric


def test_no_vector_has_no_number_but_counts():
    found = {**measured(CASES["none"]), **further(CASES["none"])}
    assert {name for name, each in found.items() if each.value is not None} == {"non_finite", "zero"}


def test_float16_gives_what_the_same_numbers_in_float64_give():
    half = CASES["float16"]
    for metric, estimate in further(half.astype(np.float64)).items():
        assert further(half)[metric].value == pytest.approx(estimate.value, rel=1e-9), metric


def test_two_vectors_have_a_mean_cosine_and_no_spread():
    found = measured(CASES["two"])
    assert found["mean_cosine"].value == pytest.approx(0.96)
    assert found["mean_cosine"].interval is None
    assert found["cosine_variance"].value is None
    assert found["participation_ratio"].value == pytest.approx(1.0)
    assert found["participation_ratio_unbiased"].value is None


def test_one_dimension_has_no_isotropy():
    found = measured(CASES["one dimension"])
    assert found["mean_cosine"].value == pytest.approx(1.0)
    assert found["participation_ratio"].value == pytest.approx(1.0)
    assert found["isoscore"].value is None
    assert found["rank"].value == 1


def test_orthogonal_vectors_have_cosine_zero():
    found = measured(CASES["orthogonal"])
    assert found["mean_cosine"].value == pytest.approx(0.0, abs=1e-15)
    assert found["effective_dimension_uncentred"].value is None
    assert found["rank"].value == 7


@pytest.mark.parametrize("name", ["huge", "tiny"])
def test_scale_changes_no_ratio(name):
    plain, scaled = measured(NORMAL), measured(CASES[name])
    for metric in (
        "mean_cosine",
        "participation_ratio",
        "participation_ratio_unbiased",
        "rank",
        "entropy_rank",
    ):
        assert scaled[metric].value == pytest.approx(plain[metric].value, rel=1e-6), metric


def test_bad_rows_are_counted_and_change_nothing_else():
    found, clean = measured(CASES["NaN rows"]), measured(NORMAL[3:])
    assert found["non_finite"].value == 3
    assert found["mean_cosine"] == clean["mean_cosine"]


def test_an_estimate_has_a_value_or_a_reason():
    assert Estimate(1.5, "sampled", 10, 7, (1.0, 2.0)).to_json() == {
        "value": 1.5, "kind": "sampled", "n": 10, "seed": 7, "interval": [1.0, 2.0],
    }  # fmt: skip
    assert Estimate(None, n=3, reason="why").to_json() == {
        "value": None,
        "kind": "exact",
        "n": 3,
        "reason": "why",
    }
    with pytest.raises(ValueError, match="reason"):
        Estimate(None)
    with pytest.raises(ValueError, match="finite"):
        Estimate(math.nan)
