"""The product of a block with itself: PyTorch's is NumPy's, on a CPU and on a GPU."""

import numpy as np
import pytest

from sphering.accelerator import has_nvidia_device
from sphering.geometry.products import cpu_product, self_product, torch_product


def block(n=2048, d=96):
    generator = np.random.default_rng(0)
    return generator.standard_normal((n, d)) * np.geomspace(1.0, 1e-5, d) + generator.standard_normal(d)


def devices():
    absent = pytest.mark.skipif(not has_nvidia_device(), reason="no NVIDIA GPU is here")
    return ["cpu", pytest.param("cuda", marks=absent)]


@pytest.mark.parametrize("device", devices())
def test_pytorchs_product_is_numpys(device):
    rows = block()
    expected, found = cpu_product(rows), torch_product(rows, device)
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max()
    assert np.array_equal(found, found.T)
    assert found.dtype == np.float64


def test_the_product_is_symmetric_and_that_of_a_plain_sum():
    rows = block(50, 5)
    found = self_product(rows)
    assert np.allclose(found, sum(np.outer(row, row) for row in rows), rtol=1e-12)
    assert np.array_equal(found, found.T)


@pytest.mark.skipif(has_nvidia_device(), reason="an NVIDIA GPU is here")
def test_without_a_gpu_the_product_has_the_bits_of_numpy():
    rows = block()
    assert np.array_equal(self_product(rows), cpu_product(rows))
