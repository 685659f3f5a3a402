"""Whitening and its kin against published tables, scikit-learn and the definition."""

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.moments import Moments
from sphering.geometry.participation import covariance_participation
from sphering.transform import choose, fit

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def fitted(vectors, **settings):
    return fit(TransformConfig(**settings), filled(vectors), encoder="e" * 16, snapshot="s" * 16)


def affine(transform, vectors):
    centred = vectors.astype(np.float64) - transform.mean
    return centred if transform.matrix is None else centred @ transform.matrix


def gaussian(n=4000, d=16, seed=0):
    generator = np.random.default_rng(seed)
    mix = generator.standard_normal((d, d)) * np.geomspace(1, 0.05, d)
    return (generator.standard_normal((n, d)) @ mix + 0.7).astype(np.float32)


KESSY_TABLE_2 = {
    "zca": ((0.7137, 0.9018, 0.8843, 0.5743), 2.9829, 3.0742, 3.1163, 1.9817),
    "pca": ((0.8974, 0.8252, 0.0121, 0.1526), 1.2405, 1.8874, 4.2282, 2.8943),
}


@pytest.mark.parametrize("form", KESSY_TABLE_2)
def test_iris_has_the_published_figures(form):
    from sklearn.datasets import load_iris

    x = load_iris().data
    transform = fitted(x, kind="whiten", form=form)
    signs = np.sign(np.diagonal(transform.matrix))  # the table's convention: a positive diagonal
    z = affine(transform, x) * signs
    phi = np.cov(z, x, rowvar=False)[:4, 4:]
    psi = phi / x.std(axis=0, ddof=1)
    correlations, tr_phi, tr_psi, max_phi, max_psi = KESSY_TABLE_2[form]
    assert np.diagonal(psi) == pytest.approx(correlations, abs=5e-5)
    assert np.trace(phi) == pytest.approx(tr_phi, abs=5e-5)
    assert np.trace(psi) == pytest.approx(tr_psi, abs=5e-5)
    assert (phi**2).sum(axis=1).max() == pytest.approx(max_phi, abs=5e-5)
    assert (psi**2).sum(axis=1).max() == pytest.approx(max_psi, abs=5e-5)


@pytest.mark.parametrize("form", ["zca", "pca"])
def test_full_whitening_makes_the_covariance_the_identity(form):
    x = gaussian()
    z = affine(fitted(x, kind="whiten", form=form), x)
    assert np.abs(np.cov(z, rowvar=False) - np.eye(16)).max() < 1e-10
    assert np.abs(z.mean(axis=0)).max() < 1e-11


def test_zca_and_pca_have_the_same_cosines():
    x = gaussian(n=500)
    a, b = (fitted(x, kind="whiten", form=form).apply(x).astype(float) for form in ("zca", "pca"))
    assert np.abs(a @ a.T - b @ b.T).max() < 1e-6
    left, right = (affine(fitted(x, kind="whiten", form=form), x) for form in ("zca", "pca"))
    gram = left @ left.T
    assert np.abs(gram - right @ right.T).max() < 1e-10 * np.abs(gram).max()


def test_pca_form_is_that_of_scikit_learn():
    from sklearn.decomposition import PCA

    x = gaussian().astype(np.float64)
    oracle = PCA(5, whiten=True, svd_solver="covariance_eigh").fit_transform(x)
    ours = affine(fitted(x, kind="whiten", form="pca", dimension=5), x)
    assert ours.shape == (len(x), 5)
    assert np.abs(np.abs(ours) - np.abs(oracle)).max() < 1e-8


def test_the_low_rank_case_of_scikit_learn_keeps_nine_directions_and_no_noise():
    from sklearn.datasets import make_low_rank_matrix

    x = make_low_rank_matrix(1000, 10, effective_rank=2, random_state=0, tail_strength=0)
    transform = fitted(x, kind="whiten", form="pca")
    z = affine(transform, x)
    assert transform.rank == 9
    assert np.abs(z).max() <= 4.0
    units = transform.apply(x)
    assert np.isfinite(units).all()
    assert (np.abs(np.linalg.norm(units.astype(float), axis=1) - 1) < 2e-7).all()


def test_power_interpolates_between_centring_and_whitening():
    x = gaussian()
    eigenvalues = np.linalg.eigvalsh(np.cov(x.astype(float), rowvar=False))[::-1]
    for power in (0.0, 0.25, 0.5, 1.0):
        z = affine(fitted(x, kind="whiten", power=power), x)
        found = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
        assert found == pytest.approx(eigenvalues ** (1 - power), rel=1e-9)
    assert np.abs(fitted(x, kind="whiten", power=0.0).matrix - np.eye(16)).max() < 1e-12


def test_shrinkage_mixes_the_mean_eigenvalue_in():
    x = gaussian()
    s = np.cov(x.astype(float), rowvar=False)
    shrunk = 0.7 * s + 0.3 * np.trace(s) / 16 * np.eye(16)
    w = fitted(x, kind="whiten", shrinkage=0.3).matrix
    assert np.abs(w @ shrunk @ w.T - np.eye(16)).max() < 1e-10


def test_truncation_keeps_the_axes_in_zca_form_and_drops_them_in_pca_form():
    x = gaussian()
    zca, pca = (fitted(x, kind="whiten", form=form, dimension=4) for form in ("zca", "pca"))
    assert (zca.dimension_out, pca.dimension_out, zca.rank, pca.rank) == (16, 4, 4, 4)
    assert np.linalg.matrix_rank(zca.matrix) == 4
    assert fitted(x, kind="whiten", dimension=16).warnings == ()


def test_standard_scales_each_coordinate_and_leaves_dead_ones_zero():
    x = gaussian()
    x[:, 3] = 0.25
    x[:, 7] = np.random.default_rng(1).standard_normal(len(x)) * 1e-20
    transform = fitted(x, kind="standard")
    z = affine(transform, x)
    assert transform.dead == (3, 7)
    alive = [j for j in range(16) if j not in (3, 7)]
    assert z[:, alive].std(axis=0, ddof=1) == pytest.approx(np.ones(14), rel=1e-9)
    assert not z[:, [3, 7]].any()


def test_all_but_the_top_removes_the_mean_and_the_top_directions():
    x = gaussian()
    z = affine(fitted(x, kind="abtt", components=2), x)
    values, vectors = np.linalg.eigh(np.cov(x.astype(float), rowvar=False))
    found = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    assert found[:14] == pytest.approx(values[::-1][2:], rel=1e-9)
    assert np.abs(z @ vectors[:, -2:]).max() < 1e-10
    assert np.abs(fitted(x, kind="abtt", components=0).matrix - np.eye(16)).max() == 0.0
    with pytest.raises(InputError, match="16 components"):
        fitted(x, kind="abtt", components=16)


def test_whitening_on_few_rows_warns_or_is_refused_with_ways_out():
    x = gaussian(n=79)
    assert "79 vectors" in fitted(x, kind="whiten").warnings[0]
    assert fitted(gaussian(n=80), kind="whiten").warnings == ()
    few = gaussian(n=16)
    with pytest.raises(InputError, match="16 vectors of 16 dimensions") as refused:
        fitted(few, kind="whiten")
    assert "shrinkage" in refused.value.remedy
    assert fitted(few, kind="whiten", shrinkage=0.1).rank == 16
    assert fitted(few, kind="whiten", dimension=8).rank == 8
    with pytest.raises(InputError, match="dimension = 17"):
        fitted(x, kind="whiten", dimension=17)


def test_dropped_directions_are_dropped_and_said():
    x = gaussian()
    x[:, 5] = x[:, 4]
    transform = fitted(x, kind="whiten", dimension=16)
    assert transform.rank == 15
    assert "rank 15" in transform.warnings[0]
    z = affine(transform, x)
    assert covariance_participation(np.cov(z, rowvar=False)) == pytest.approx(15.0, rel=1e-9)


@pytest.mark.parametrize("kind", ["standard", "abtt", "whiten"])
def test_vectors_without_variance_are_refused(kind):
    with pytest.raises(InputError):
        fitted(np.full((100, 3), 0.3, np.float32), kind=kind)


@pytest.mark.parametrize("kind", ["center", "standard", "abtt", "whiten"])
def test_a_fit_has_the_same_bits_under_any_thread_count(kind):
    from threadpoolctl import threadpool_limits

    vectors = gaussian(3000, 384)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(fitted(vectors, kind=kind).sha256)
    assert found[0] == found[1]


@pytest.mark.parametrize("kind", ["center", "standard", "abtt", "whiten"])
def test_no_vectors_are_refused(kind):
    with pytest.raises(InputError, match="0 usable"):
        fitted(np.empty((0, 3), np.float32), kind=kind)


def test_none_fits_on_nothing():
    assert fitted(np.empty((0, 3), np.float32), kind="none").dimension_out == 3
    assert fitted(np.empty((0, 3), np.float32), kind="auto").kind == "none"
    assert fitted(np.ones((1, 3), np.float32), kind="auto").kind == "none"


def test_auto_centres_only_where_the_mean_cosine_is_clearly_above_the_bound():
    generator = np.random.default_rng(0)
    isotropic = generator.standard_normal((3000, 32)).astype(np.float32)
    squeezed = isotropic + 1.0
    few = isotropic[:12] + 0.12
    auto = TransformConfig()
    assert choose(auto, filled(isotropic)).kind == "none"
    assert choose(auto, filled(squeezed)).kind == "center"
    assert choose(auto, filled(few)).kind == "none"
    assert choose(TransformConfig(kind="whiten"), filled(squeezed)).kind == "whiten"
    centred = fitted(squeezed).apply(squeezed)
    assert abs(np.mean(centred @ centred[:200].T)) < 0.01
