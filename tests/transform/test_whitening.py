"""Whitening and its kin against published tables, scikit-learn and the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.config.model import TransformConfig
from sphering.errors import InputError, UnfittableError
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


FORMS = ("zca", "pca", "cholesky", "zca-cor", "pca-cor")
KESSY_TABLE_2 = {
    "zca": ((0.7137, 0.9018, 0.8843, 0.5743), 2.9829, 3.0742, 3.1163, 1.9817),
    "pca": ((0.8974, 0.8252, 0.0121, 0.1526), 1.2405, 1.8874, 4.2282, 2.8943),
    "cholesky": ((1.0, 0.9931, 0.3637, 0.2493), 2.0931, 2.6061, 3.4453, 2.4428),
    "cholesky of the reversed axes": ((0.3760, 0.8871, 0.2700, 1.0), 1.9368, 2.5331, 3.9544, 2.7302),
    "zca-cor": ((0.8082, 0.9640, 0.6763, 0.7429), 2.8495, 3.1914, 1.7437, 1.0),
    "pca-cor": ((0.8902, 0.8827, 0.0544, 0.0754), 1.2754, 1.9027, 4.1885, 2.9185),
}


@pytest.mark.parametrize("row", KESSY_TABLE_2)
def test_iris_has_the_published_figures(row):
    from sklearn.datasets import load_iris

    x = load_iris().data
    form, _, backwards = row.partition(" of ")
    # The article's Cholesky row factors the inverse: the same as inv(L) of the axes in reverse.
    order = slice(None, None, -1 if backwards else 1)
    transform = fitted(x[:, order], kind="whiten", form=form)
    signs = np.sign(np.diagonal(transform.matrix))  # the table's convention: a positive diagonal
    z = (affine(transform, x[:, order]) * signs)[:, order]
    phi = np.cov(z, x, rowvar=False)[:4, 4:]
    psi = phi / x.std(axis=0, ddof=1)
    correlations, tr_phi, tr_psi, max_phi, max_psi = KESSY_TABLE_2[row]
    assert np.diagonal(psi) == pytest.approx(correlations, abs=5e-5)
    assert np.trace(phi) == pytest.approx(tr_phi, abs=5e-5)
    assert np.trace(psi) == pytest.approx(tr_psi, abs=5e-5)
    assert (phi**2).sum(axis=1).max() == pytest.approx(max_phi, abs=5e-5)
    assert (psi**2).sum(axis=1).max() == pytest.approx(max_psi, abs=5e-5)


@pytest.mark.parametrize("form", FORMS)
def test_full_whitening_makes_the_covariance_the_identity(form):
    x = np.random.default_rng(2).standard_normal((4000, 16)) * np.geomspace(1, 0.03, 16) + 0.7  # a condition of 1,000
    z = affine(fitted(x, kind="whiten", form=form), x)
    assert np.abs(np.cov(z, rowvar=False) - np.eye(16)).max() < 1e-12
    assert np.abs(z.mean(axis=0)).max() < 1e-11


def test_all_forms_have_the_same_cosines():
    x = gaussian(n=500)
    units = []
    for form in FORMS:
        z = affine(fitted(x, kind="whiten", form=form), x)
        units.append(z / np.linalg.norm(z, axis=1)[:, None])
    cosines = [u @ u.T for u in units]
    assert max(np.abs(each - cosines[0]).max() for each in cosines) < 1e-10


@pytest.mark.parametrize(
    "settings", [{"shrinkage": 0.3}, {"shrinkage": "ledoit-wolf"}, {"shrinkage": "oas"}, {"soft": 2.0}]
)
def test_all_forms_have_the_same_cosines_under_shrinkage(settings):
    x = gaussian(n=60)
    x[:, 3] = 0.25
    units = [fitted(x, kind="whiten", form=form, **settings).apply(x).astype(float) for form in FORMS]
    assert max(np.abs(u @ u.T - units[0] @ units[0].T).max() for u in units) < 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_a_singular_covariance_is_whitened_on_what_it_spans(form):
    x = gaussian().astype(np.float64)
    x[:, 2] = 0.25
    x[:, 5] = x[:, 4] - 3 * x[:, 1]
    x[:, 15] = x[:, 0]
    transform = fitted(x, kind="whiten", form=form)
    z = affine(transform, x)
    eigenvalues = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    assert transform.rank == 13
    assert np.abs(eigenvalues[:13] - 1.0).max() < 1e-12
    assert np.abs(eigenvalues[13:]).max(initial=0.0) < 1e-12
    assert np.abs(z @ transform.inverse + transform.mean - x).max() < 1e-10
    zca = affine(fitted(x, kind="whiten"), x)
    assert np.abs(z @ z.T - zca @ zca.T).max() < 1e-10 * np.abs(zca @ zca.T).max()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_cholesky_gives_what_each_coordinate_adds_and_zero_where_it_adds_rounding(dtype):
    generator = np.random.default_rng(5)
    x = (generator.integers(-16, 17, (4000, 6)) / 16).astype(dtype)
    x[:, 3] = x[:, 0] + x[:, 1]
    transform = fitted(x, kind="whiten", form="cholesky")
    z = affine(transform, x)
    assert transform.rank == 5
    assert not z[:, 3].any()
    assert np.corrcoef(z[:, 0], x[:, 0].astype(float))[0, 1] == pytest.approx(1.0)
    assert not np.tril(transform.matrix, -1).any()  # z_j is of the first j coordinates alone


def test_the_largest_entry_of_a_principal_direction_is_positive():
    for form in ("pca", "pca-cor"):
        matrix = fitted(gaussian(), kind="whiten", form=form).matrix
        directions = matrix if form == "pca" else np.diag(gaussian().std(axis=0, ddof=1, dtype=float)) @ matrix
        assert (directions[np.abs(directions).argmax(axis=0), np.arange(16)] > 0).all()


@pytest.mark.parametrize("form", ["zca-cor", "pca-cor"])
def test_the_forms_of_the_correlations_start_from_standardisation(form):
    x = gaussian()
    z = affine(fitted(x, kind="whiten", form=form, power=0.0), x)
    standard = affine(fitted(x, kind="standard"), x)
    assert np.abs(z @ z.T - standard @ standard.T).max() < 1e-9
    half = affine(fitted(x, kind="whiten", form=form, power=0.5), x)
    correlations = np.linalg.eigvalsh(np.corrcoef(x.astype(float), rowvar=False))
    assert np.linalg.eigvalsh(np.cov(half, rowvar=False)) == pytest.approx(np.sqrt(correlations), rel=1e-9)


@pytest.mark.parametrize("n", [9, 40, 4000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_computed_shrinkage_is_that_of_scikit_learn(n, dtype):
    from sklearn.covariance import OAS, ledoit_wolf_shrinkage

    x = gaussian(n).astype(dtype)
    exact = x.astype(np.float64)
    found = {name: fitted(x, kind="whiten", shrinkage=name).shrinkage for name in ("ledoit-wolf", "oas")}
    assert found["ledoit-wolf"] == pytest.approx(ledoit_wolf_shrinkage(exact), rel=1e-12)
    assert found["oas"] == pytest.approx(OAS().fit(exact).shrinkage_, rel=1e-12)


def test_a_shrunk_covariance_is_that_of_scikit_learn_but_for_its_divisor():
    from sklearn.covariance import LedoitWolf

    x = gaussian(40).astype(np.float64)
    matrix = fitted(x, kind="whiten", shrinkage="ledoit-wolf").matrix
    whitened = matrix @ LedoitWolf().fit(x).covariance_ @ matrix.T
    assert np.abs(whitened - np.eye(16) * 39 / 40).max() < 1e-12


def test_soft_whitening_has_the_cosines_of_its_share_and_its_own_length():
    x = gaussian()
    s = np.cov(x.astype(float), rowvar=False)
    soft, shrunk = fitted(x, kind="whiten", soft=4.0), fitted(x, kind="whiten", shrinkage=0.8)
    assert np.abs(soft.matrix @ (s + 4.0 * np.trace(s) / 16 * np.eye(16)) @ soft.matrix.T - np.eye(16)).max() < 1e-10
    assert np.abs(soft.apply(x) - shrunk.apply(x)).max() < 1e-7
    assert soft.shrinkage == shrunk.shrinkage == 0.8


@pytest.mark.parametrize(
    "settings",
    [
        {"form": "cholesky", "power": 0.5},
        {"form": "cholesky", "dimension": 4},
        {"soft": 1.0, "shrinkage": 0.1},
        {"soft": 1.0, "shrinkage": "oas"},
        {"shrinkage": "wolf"},
        {"shrinkage": 1.5},
        {"soft": -1.0},
        {"form": "svd"},
    ],
)
def test_settings_that_make_no_sense_together_are_refused_when_they_are_read(settings):
    with pytest.raises(ValueError, match=r"soft|power|dimension|shrinkage|form"):
        TransformConfig(kind="whiten", **settings)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(FORMS), st.floats(1e-3, 1e3))
def test_the_order_of_the_rows_and_their_scale_change_no_cosine(seed, form, scale):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((120, 6)) @ generator.standard_normal((6, 6)) + generator.standard_normal(6)
    probe = generator.standard_normal((8, 6))
    plain = fitted(x, kind="whiten", form=form)
    assert (
        np.abs(plain.apply(probe) - fitted(generator.permutation(x), kind="whiten", form=form).apply(probe)).max()
        < 1e-5
    )
    assert np.abs(plain.apply(probe) - fitted(x * scale, kind="whiten", form=form).apply(probe * scale)).max() < 1e-5


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ["constant", "two", "three equal", "one dimension", "a shared line", "d"])
def test_degenerate_vectors_are_refused_or_whitened_and_never_nan(form, case):
    x = {
        "constant": np.full((50, 4), 0.3, np.float16),
        "two": gaussian(2, 4),
        "three equal": np.repeat(gaussian(1, 4), 3, axis=0),
        "one dimension": gaussian(30, 1),
        "a shared line": np.outer(np.arange(1, 41), [1, 2, 3, 4]).astype(np.float32),
        "d": gaussian(4, 4),
    }[case]
    if case in ("constant", "two", "three equal", "d"):
        with pytest.raises(InputError):
            fitted(x, kind="whiten", form=form)
        return
    transform = fitted(x, kind="whiten", form=form)
    assert transform.rank == 1
    assert np.isfinite(transform.apply(x)).all()
    assert np.isfinite(transform.matrix).all()
    assert np.isfinite(transform.inverse).all()


def test_two_opposite_vectors_are_not_whitened_by_a_computed_share_of_nothing():
    x = np.array([[1.0, 2.0, 3.0], [1.5, 2.0, 2.0]])
    with pytest.raises(UnfittableError, match="2 vectors of 3 dimensions"):
        fitted(x, kind="whiten", shrinkage="ledoit-wolf")
    assert np.isfinite(fitted(x, kind="whiten", shrinkage="oas").matrix).all()


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
    with pytest.raises(UnfittableError, match="16 components"):
        fitted(x, kind="abtt", components=16)


def test_the_warning_of_few_weighted_rows_tells_them_and_how_many_alike_they_are_as_good_as():
    moments, x = Moments.empty(16), gaussian(n=100)
    moments.update(x, np.r_[np.full(50, 4.0), np.ones(50)])
    weighed = fit(TransformConfig(kind="whiten"), moments, encoder="e" * 16, snapshot="s" * 16)
    effective = round(250**2 / (50 * 16 + 50))
    assert f"fitted on 100 vectors, by their weights as good as {effective}, of 16 dimensions" in weighed.warnings[0]


def test_whitening_on_few_rows_warns_or_is_refused_with_ways_out():
    x = gaussian(n=79)
    assert "79 vectors" in fitted(x, kind="whiten").warnings[0]
    assert fitted(gaussian(n=80), kind="whiten").warnings == ()
    assert "use shrinkage" in fitted(x, kind="whiten").warnings[0]
    assert "use shrinkage" not in fitted(x, kind="whiten", soft=1.0).warnings[0]
    assert "use shrinkage" not in fitted(x, kind="whiten", power=0.5).warnings[0]
    few = gaussian(n=16)
    with pytest.raises(UnfittableError, match="16 vectors of 16 dimensions") as refused:
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
    with pytest.raises(UnfittableError):
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
    with pytest.raises(UnfittableError, match="0 usable"):
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
    equal = np.ones((50, 32), np.float32)
    auto = TransformConfig()
    assert choose(auto, filled(isotropic)).config.kind == "none"
    assert choose(auto, filled(squeezed)).config.kind == "center"
    assert choose(auto, filled(few)).config.kind == "none"
    assert choose(auto, filled(equal)).config.kind == "none"
    assert "fewer than 10 vectors" in choose(auto, filled(squeezed[:9])).document["withheld"]
    assert choose(auto, filled(equal)).document["withheld"] == "the vectors do not differ"
    assert "withheld" not in choose(auto, filled(isotropic)).document
    centred = fitted(squeezed).apply(squeezed)
    assert abs(np.mean(centred @ centred[:200].T)) < 0.01
