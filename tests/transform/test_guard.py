"""Vectors that cannot be of the fitted encoder are refused; those that merely lie elsewhere are not."""

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.errors import IdentityError, InputError
from sphering.geometry.moments import Moments
from sphering.transform import fit
from sphering.transform.guard import check_moments, check_vectors

pytestmark = pytest.mark.filterwarnings("error")
D = 24


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


def fitted(vectors, kind="center"):
    return fit(TransformConfig(kind=kind), filled(vectors), encoder="e" * 16, snapshot="s" * 16)


def cloud(n=2000, seed=0, dtype=np.float32):
    x = np.random.default_rng(seed).standard_normal((n, D)) * np.geomspace(1, 0.1, D) + 0.2
    x[:, 7] = 0.125
    return x.astype(dtype)


def accepted(transform, vectors):
    try:
        check_vectors(transform, vectors)
        check_moments(transform, filled(vectors))
    except IdentityError:
        return False
    return True


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_vectors_of_the_same_kind_pass_alone_and_together(dtype):
    transform = fitted(cloud(dtype=dtype))
    fresh = cloud(300, seed=1, dtype=dtype)
    assert accepted(transform, fresh)
    assert all(accepted(transform, row[None]) for row in fresh[:20])


def test_another_place_and_another_spread_pass():
    transform = fitted(cloud())
    elsewhere = cloud(300, seed=1)[:, ::-1] + 0.5
    elsewhere[:, 7] = 0.125
    assert accepted(transform, elsewhere)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_coordinate_that_never_moved_and_moves_is_refused(dtype):
    transform = fitted(cloud(dtype=dtype))
    for change in (np.linspace(-0.2, 0.2, 300), 0.2):  # it varies, or it stands elsewhere
        awake = cloud(300, seed=1, dtype=dtype)
        awake[:, 7] += np.asarray(change, dtype)
        for check in (lambda v: check_vectors(transform, v), lambda v: check_moments(transform, filled(v))):
            with pytest.raises(IdentityError, match="coordinate 7"):
                check(awake)


def test_a_coordinate_that_few_vectors_had_in_common_may_move():
    assert accepted(fitted(cloud(D)), cloud(300, seed=1) + np.float32(0.01))


@pytest.mark.parametrize("scale", [0.05, 20.0])
def test_lengths_of_another_order_are_refused(scale):
    transform = fitted(cloud())
    scaled = cloud(300, seed=1) * np.float32(scale)
    for check in (lambda v: check_vectors(transform, v), lambda v: check_moments(transform, filled(v))):
        with pytest.raises(IdentityError, match="length"):
            check(scaled)


def test_nothing_is_said_of_nothing():
    transform = fitted(cloud())
    check_moments(transform, Moments.empty(D))
    check_vectors(transform, np.empty((0, D), np.float32))
    check_vectors(transform, np.zeros((2, D), np.float32))
    check_vectors(transform, np.full((2, D), np.nan, np.float32))
    assert accepted(fitted(cloud(1)), cloud(5) * np.float32(100.0))
    with pytest.raises(InputError, match="5 dimensions"):
        check_vectors(transform, np.ones((2, 5), np.float32))
    with pytest.raises(InputError, match="5 dimensions"):
        check_moments(transform, filled(np.ones((2, 5), np.float32)))
