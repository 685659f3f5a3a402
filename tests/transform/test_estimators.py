"""The estimators keep scikit-learn's contract, and fit what the configuration fits."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sphering.config.model import TransformConfig
from sphering.geometry.moments import Moments
from sphering.transform import fit
from sphering.transform.estimators import AllButTheTop, Centring, Standardisation, Whitening

ESTIMATORS = [
    Centring(),
    Standardisation(),
    AllButTheTop(),
    Whitening(shrinkage=0.1),
    *(Whitening(form) for form in ("zca", "pca", "cholesky", "zca-cor", "pca-cor")),
    Whitening(power=0.25),
    Whitening("pca", soft=5.0, power=0.5),
    Whitening(shrinkage="ledoit-wolf"),
    Whitening("cholesky", shrinkage="oas"),
]
SETTINGS = {
    "Centring": lambda each: {"kind": "center"},
    "Standardisation": lambda each: {"kind": "standard"},
    "AllButTheTop": lambda each: {"kind": "abtt", **each.get_params()},
    "Whitening": lambda each: {"kind": "whiten", **each.get_params()},
}


@parametrize_with_checks(ESTIMATORS)
def test_an_estimator_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def cloud(n=900, d=24, seed=0):
    generator = np.random.default_rng(seed)
    mix = generator.standard_normal((d, d)) * np.geomspace(1, 0.05, d)
    return generator.standard_normal((n, d)) @ mix + 0.7


def name_of(estimator):
    return repr(estimator)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_an_estimator_fits_what_the_configuration_fits(estimator):
    x = cloud()
    moments = Moments.empty(24)
    moments.update(x)
    config = TransformConfig(**SETTINGS[type(estimator).__name__](estimator))
    transform = fit(config, moments, encoder="e" * 16, snapshot="s" * 16)
    fitted = clone(estimator).fit(x)
    assert fitted.to_transform(encoder="e" * 16, snapshot="s" * 16).sha256 == transform.sha256
    z = fitted.transform(x)
    units = z / np.linalg.norm(z, axis=1)[:, None]
    assert np.abs(units - transform.apply(x)).max() < 1e-7


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_batches_fit_what_one_pass_fits(estimator):
    x = cloud(20_000)
    whole = clone(estimator).fit(x)
    streamed = clone(estimator)
    for start in (0, 1, 3, 5000, 17_000):
        end = {0: 1, 1: 3, 3: 5000, 5000: 17_000, 17_000: 20_000}[start]
        streamed.partial_fit(x[start:end])
    assert np.array_equal(streamed.transform(x), whole.transform(x))
    streamed.fit(x[:500])
    assert np.array_equal(streamed.transform(x), clone(estimator).fit(x[:500]).transform(x))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
def test_the_inverse_gives_back_what_the_map_took(estimator):
    x = cloud()
    fitted = clone(estimator).fit(x)
    back = fitted.inverse_transform(fitted.transform(x))
    if isinstance(estimator, AllButTheTop):
        top = np.linalg.eigh(np.cov(x, rowvar=False))[1][:, -1:]
        x = x - (x - x.mean(axis=0)) @ top @ top.T
    assert np.abs(back - x).max() < 1e-10


@pytest.mark.filterwarnings("error")
def test_standardisation_is_that_of_scikit_learn_but_for_the_divisor():
    x = cloud()
    expected = StandardScaler().fit_transform(x) * np.sqrt((len(x) - 1) / len(x))
    assert np.abs(Standardisation().fit_transform(x) - expected).max() < 1e-12


@pytest.mark.filterwarnings("error")
def test_pca_whitening_is_that_of_scikit_learn_on_data_of_full_rank():
    x = cloud()
    ours, theirs = Whitening("pca", dimension=7).fit_transform(x), PCA(7, whiten=True).fit_transform(x)
    assert np.abs(np.abs(ours) - np.abs(theirs)).max() < 1e-9


def test_a_truncated_inverse_is_the_projection_onto_the_retained_space():
    x = cloud()
    centred = x - x.mean(axis=0)
    top = np.linalg.eigh(np.cov(x, rowvar=False))[1][:, :-6:-1]
    for form in ("zca", "pca"):
        fitted = Whitening(form, dimension=5).fit(x)
        back = fitted.inverse_transform(fitted.transform(x)) - x.mean(axis=0)
        assert np.abs(back - centred @ top @ top.T).max() < 1e-10


def test_names_of_features_are_kept_where_the_axes_are():
    names = [f"x{i}" for i in range(24)]
    x = cloud()
    for estimator in (Centring(), Whitening("cholesky"), Whitening("zca", dimension=3)):
        assert estimator.fit(x).get_feature_names_out().tolist() == names
    found = Whitening("pca-cor", dimension=3).fit(x).get_feature_names_out()
    assert found.tolist() == ["whitening0", "whitening1", "whitening2"]


def test_what_is_pickled_after_a_fit_has_no_buffer_of_rows():
    x = cloud(3000, 64)
    fitted = Whitening().fit(x)
    stored = pickle.dumps(fitted)
    assert len(stored) < 40 * 64**2 * 8
    assert np.array_equal(pickle.loads(stored).transform(x), fitted.transform(x))


def test_what_cannot_be_fitted_is_a_value_error_that_says_why():
    with pytest.raises(ValueError, match="cannot be whitened"):
        Whitening().fit(cloud(20))
    with pytest.raises(ValueError, match=r"shape \(5, 3\)"):
        Whitening().fit(cloud()).inverse_transform(np.ones((5, 3)))
    with pytest.raises(ValueError, match="one of the two"):
        Whitening(soft=1.0, shrinkage="oas").fit(cloud())
    with pytest.raises(ValueError, match="do not differ"):
        Whitening().fit(np.ones((50, 3)))
