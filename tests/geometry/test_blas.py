"""One BLAS thread holds in every Python thread, whichever entered first and whichever leaves last."""

import threading
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sphering.geometry.blas import one_blas_thread


def blas_threads():
    found = [entry for entry in threadpool_info() if entry["user_api"] == "blas"]
    return {entry["num_threads"] for entry in found if entry["threading_layer"] != "openmp"}


def inside(_=None):
    with one_blas_thread():
        return blas_threads()


@pytest.fixture
def two():
    """Two BLAS threads, whatever a test before left."""
    with threadpool_limits(2, user_api="blas"):
        yield


def test_it_holds_in_a_thread_beside_one_that_set_a_limit_before_and_lives(two):
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        for pool in (first, second, first):
            assert pool.submit(inside).result() == {1}
        assert inside() == {1}


@pytest.fixture
def leave_before_the_other():
    """What enters beside another thread, does something inside, and leaves first; afterwards the other leaves too."""

    def leave_first(inside, between=lambda: None):
        entered, leave = threading.Event(), threading.Event()

        def stay():
            with one_blas_thread():
                entered.set()
                leave.wait(60)

        with ThreadPoolExecutor(1) as pool:
            with one_blas_thread():
                found = inside()
                staying = pool.submit(stay)
                assert entered.wait(60)
            afterwards = between()
            leave.set()
            staying.result()
            return found, afterwards

    return leave_first


def test_the_limit_is_gone_whoever_leaves_last(two, leave_before_the_other):
    assert leave_before_the_other(blas_threads, blas_threads) == ({1}, {1})
    assert blas_threads() == {2}
    assert inside() == {1}
    assert blas_threads() == {2}


def test_threads_that_faiss_has_for_itself_are_as_many_inside_and_afterwards(leave_before_the_other):
    faiss.omp_set_num_threads(2)
    assert leave_before_the_other(faiss.omp_get_max_threads) == (2, None)
    assert faiss.omp_get_max_threads() == 2


def test_a_product_in_any_thread_has_the_bits_of_one_thread(two):
    rows = np.random.default_rng(0).standard_normal((6, 386))
    with threadpool_limits(1, user_api="blas"):
        expected = rows.T @ rows

    def product(_):
        with one_blas_thread():
            return rows.T @ rows

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(4) as others:
        found = [*first.map(product, range(3)), *others.map(product, range(40)), product(None)]
    assert all(np.array_equal(each, expected) for each in found)
