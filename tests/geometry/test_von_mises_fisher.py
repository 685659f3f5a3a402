"""The concentration of directions: exact where Bessel functions underflow, debiased, with an interval that holds."""

import math

import numpy as np
import pytest

from sphering.geometry.moments import Moments
from sphering.geometry.von_mises_fisher import concentration, mean_resultant, vmf_kappa

pytestmark = pytest.mark.filterwarnings("error")


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


@pytest.mark.parametrize("d", [2, 3, 10, 64])
@pytest.mark.parametrize("kappa", [1e-3, 0.7, 5.0, 60.0, 700.0])
def test_the_ratio_is_that_of_the_scaled_bessel_functions(d, kappa):
    from scipy.special import ive

    assert mean_resultant(kappa, d) == pytest.approx(ive(d / 2, kappa) / ive(d / 2 - 1, kappa), rel=1e-13)


@pytest.mark.parametrize("kappa", [0.01, 1.0, 200.0])
def test_in_three_dimensions_it_is_langevin_s_function(kappa):
    langevin = 1 / math.tanh(kappa) - 1 / kappa if kappa > 0.1 else kappa / 3 - kappa**3 / 45
    assert mean_resultant(kappa, 3) == pytest.approx(langevin, rel=1e-12)


@pytest.mark.parametrize("d", [2, 3, 384, 768, 1536])
@pytest.mark.parametrize("kappa", [0.5, 50.0, 600.0, 2e4])
def test_the_concentration_inverts_the_ratio_where_other_fits_underflow(d, kappa):
    assert concentration(mean_resultant(kappa, d), d) == pytest.approx(kappa, rel=1e-9)


def test_banerjee_s_approximation_is_within_three_thousandths():
    for d, resultant in ((384, 0.16), (384, 0.6), (768, 0.3)):
        rough = resultant * (d - resultant**2) / (1 - resultant**2)
        assert concentration(resultant, d) == pytest.approx(rough, rel=3e-3)


def drawn(kappa, d, n, generator):
    """Return vectors of the distribution by Wood's (1994) method."""
    b = (-2 * kappa + math.sqrt(4 * kappa**2 + (d - 1) ** 2)) / (d - 1)
    x = (1 - b) / (1 + b)
    c = kappa * x + (d - 1) * math.log(1 - x**2)
    cosines = []
    while len(cosines) < n:
        z = generator.beta((d - 1) / 2, (d - 1) / 2, 2 * n)
        w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        kept = kappa * w + (d - 1) * np.log(1 - x * w) - c >= np.log(generator.random(2 * n))
        cosines += w[kept].tolist()
    w = np.array(cosines[:n])[:, None]
    around = generator.standard_normal((n, d - 1))
    around /= np.linalg.norm(around, axis=1)[:, None]
    return np.concatenate([w, np.sqrt(1 - w**2) * around], axis=1)


@pytest.mark.parametrize(("d", "kappa"), [(8, 4.0), (384, 90.0)])
def test_a_sample_gives_the_concentration_it_was_drawn_with(d, kappa):
    generator = np.random.default_rng(0)
    found = [vmf_kappa(filled(drawn(kappa, d, 200, generator))) for _ in range(200)]
    assert np.mean([each.value for each in found]) == pytest.approx(kappa, rel=0.02)
    assert np.mean([each.interval[0] <= kappa <= each.interval[1] for each in found]) >= 0.93


def test_there_is_none_without_a_common_direction_or_without_spread():
    one = np.ones((30, 5), np.float32)
    opposed = np.concatenate([one, -one])
    assert "no direction" in vmf_kappa(filled(opposed)).reason
    assert "no bound" in vmf_kappa(filled(one)).reason
    assert vmf_kappa(filled(one[:1])).value is None
    assert vmf_kappa(filled(one[:, :1])).value is None
