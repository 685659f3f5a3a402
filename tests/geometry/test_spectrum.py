"""Spectrum, rank, participation ratio and IsoScore against published values and the definition."""

import numpy as np
import pytest

from sphering.geometry import participation
from sphering.geometry.moments import Moments
from sphering.geometry.spectrum import (
    condition,
    dead_coordinates,
    eigen,
    entropy_rank,
    explained_variance,
    spectrum,
)

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def isoscore_of(covariance):
    """Return IsoScore of vectors of this very covariance, up to scale: the columns of its root and their opposites."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return participation.isoscore(filled(np.concatenate([root.T, -root.T]))).value


def k_unit_variances(k, d=10):
    return np.diag([1.0] * k + [0.0] * (d - k))


def maximum_variance(x, d=9):
    return np.diag([x] + [1.0] * (d - 1))


SUITE = [
    *((k_unit_variances(k), value) for k, value in ((1, 0.0), (2, 1 / 9), (5, 4 / 9), (10, 1.0))),
    (np.ones((10, 10)), 0.0),
    *((maximum_variance(x), value) for x, value in ((2, 11 / 12), (10, 0.25))),
]


@pytest.mark.parametrize(("covariance", "expected"), SUITE)
def test_isoscore_has_the_values_of_its_authors_suite(covariance, expected):
    assert isoscore_of(covariance) == pytest.approx(expected, abs=1e-12)


def test_isoscore_of_an_overwhelming_variance_is_published():
    assert isoscore_of(maximum_variance(75)) == pytest.approx(0.027871, abs=5e-7)
    assert isoscore_of(np.diag([1e5, 1e-10, 1e-10])) < 1e-14


@pytest.mark.parametrize(
    ("axes", "expected"),
    [(((1, 0, 1 / 3), (0, 1, 2 / 3)), 0.454874), (((1, 0, 1), (0, 1, -5)), 0.036986), (((1, 2, -3),), 0.0)],
)
def test_isoscore_of_planes_and_lines_is_published(axes, expected):
    basis = np.array(axes, dtype=float)
    assert isoscore_of(basis.T @ basis) == pytest.approx(expected, abs=5e-7)


def test_isoscore_is_that_of_the_authors_steps():
    covariance = np.cov(np.random.default_rng(3).standard_normal((60, 7)) * np.arange(1, 8), rowvar=False)
    d = len(covariance)
    diagonal = np.linalg.eigvalsh(covariance)
    normalised = diagonal * np.sqrt(d) / np.linalg.norm(diagonal)
    defect = np.linalg.norm(normalised - 1) / np.sqrt(2 * (d - np.sqrt(d)))
    phi = (d - defect**2 * (d - np.sqrt(d))) ** 2 / d**2
    assert isoscore_of(covariance) == pytest.approx((d * phi - 1) / (d - 1), abs=1e-13)


def test_isoscore_of_samples_has_the_bias_of_their_number():
    x = np.random.default_rng(0).standard_normal((100_000, 5)) + 20.0
    assert participation.isoscore(filled(x)).value == pytest.approx(0.999938, abs=5e-5)
    x = np.random.default_rng(0).standard_normal((10_000, 1000)).astype(np.float32)
    moments = filled(x)
    assert participation.isoscore(moments).value == pytest.approx(0.90900, abs=5e-4)
    assert participation.isoscore_unbiased(moments).value == pytest.approx(1.0, abs=2e-3)


def test_isoscore_does_not_change_under_rotation_shift_and_scale():
    generator = np.random.default_rng(5)
    x = generator.standard_normal((2000, 12)) * np.geomspace(1, 0.1, 12)
    q = np.linalg.qr(generator.standard_normal((12, 12)))[0]
    moved = filled(x @ q * 3.0 + 2.0)
    for metric in (participation.isoscore, participation.isoscore_unbiased):
        assert metric(moved).value == pytest.approx(metric(filled(x)).value, abs=1e-12)


def test_the_unbiased_participation_ratio_is_unbiased_for_skewed_data_and_few_rows():
    generator = np.random.default_rng(1)
    scales = np.geomspace(1, 0.3, 30)
    truth = participation.covariance_participation(np.diag(scales**2))
    draws = [filled(generator.exponential(size=(60, 30)) * scales) for _ in range(120)]
    unbiased = [participation.participation_ratio_unbiased(m).value for m in draws]
    naive = [participation.participation_ratio(m).value for m in draws]
    assert np.median(unbiased) == pytest.approx(truth, rel=0.02)
    assert np.median(naive) < 0.8 * truth


def test_the_unbiased_estimates_are_the_sums_over_different_indices():
    """Against the U-statistics themselves: loops over all different i, j, k, l."""
    from itertools import permutations

    x = np.random.default_rng(8).exponential(size=(7, 3))
    g = x @ x.T
    of_squares = np.mean(
        [g[i, j] ** 2 - 2 * g[i, j] * g[j, k] + g[i, j] * g[k, m] for i, j, k, m in permutations(range(7), 4)]
    )
    of_trace = np.mean(
        [
            (x[i] - x[j]) @ (x[i] - x[j]) * ((x[k] - x[m]) @ (x[k] - x[m])) / 4
            for i, j, k, m in permutations(range(7), 4)
        ]
    )
    found = participation.participation_ratio_unbiased(filled(x)).value
    assert found == pytest.approx(of_trace / of_squares, rel=1e-10)


def test_spectrum_is_ordered_signed_and_rebuilds_the_covariance():
    x = np.random.default_rng(2).standard_normal((500, 9)) * np.geomspace(1, 0.01, 9) + 1.0
    moments = filled(x)
    found = spectrum(moments)
    assert np.all(np.diff(found.values) <= 0)
    assert np.abs(found.vectors * found.values @ found.vectors.T - moments.covariance).max() < 1e-14
    leading = np.abs(found.vectors).argmax(axis=0)
    assert (found.vectors[leading, np.arange(9)] > 0).all()
    assert found.rank == 9
    assert condition(found).value == pytest.approx(found.values[0] / found.values[8])


def test_the_spectrum_has_the_same_bits_under_any_thread_count():
    from threadpoolctl import threadpool_limits

    x = np.random.default_rng(2).standard_normal((3000, 200))
    s = x.T @ x
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(eigen(s))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])


def test_ranks_of_known_spectra():
    for k in (1, 3, 8):
        x = np.zeros((4000, 8))
        x[:, :k] = np.linalg.qr(np.random.default_rng(k).standard_normal((4000, k)) - 0.0)[0]
        x += 1.0
        moments = filled(x)
        found = spectrum(moments)
        assert found.rank == k
        assert entropy_rank(found).value == pytest.approx(k, rel=0.01)
        assert explained_variance(found, k).value == pytest.approx(1.0)
        assert len(dead_coordinates(moments)) == 8 - k


def test_noise_of_the_storage_type_is_no_direction():
    generator = np.random.default_rng(0)
    plane = generator.standard_normal((5000, 2)) @ generator.standard_normal((2, 16)) + 5.0
    for dtype in (np.float16, np.float32, np.float64):
        assert spectrum(filled(plane.astype(dtype))).rank == 2, dtype


def test_fewer_rows_than_dimensions_give_their_rank():
    assert spectrum(filled(np.random.default_rng(0).standard_normal((10, 50)))).rank == 9
