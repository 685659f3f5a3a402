"""One BLAS thread for what must have the same bits everywhere.

`eigh` and `svd` give other bits with another thread count, so they run under one thread. The limit of threadpoolctl
is process-wide; entering it from two Python threads and leaving in another order would leave the limit in place.
Hence the count of those inside.

From version 3.8 on threadpoolctl lets one Python thread alone set the limit of OpenBLAS: the first that did and lives.
From any other it silently does nothing. Those inside may come from any thread, and the count keeps them from
quarrelling, so whoever sets or restores the limit here first takes that right from all.

A BLAS on OpenMP counts its threads for each Python thread apart, so one who leaves last could not restore what another
set. The wheels of NumPy and SciPy have none; FAISS has, and with it would go the threads of its searches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit NumPy's and SciPy's BLAS to one thread while anybody is inside; restored by the last who leaves."""
    global _inside, _limits
    with _lock:
        if _inside == 0:
            _free_control()
            _limits = _shared_by_all_threads().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _free_control()
                _limits.restore_original_limits()
                _free_control()  # so that it is anybody's again
                _limits = None


def _shared_by_all_threads() -> Any:
    """Return what controls the libraries whose number of threads is one for the whole process."""
    from threadpoolctl import get_cached_controller

    every = get_cached_controller()  # to look for libraries takes 3 ms, hundreds of times a run
    blas = every.select(user_api="blas").lib_controllers
    return every.select(filepath=[one.filepath for one in blas if getattr(one, "threading_layer", "") != "openmp"])


def _free_control() -> None:
    """Take from every thread the sole right to set OpenBLAS' limit; the next that sets one has it."""
    from threadpoolctl import OpenBLASController

    OpenBLASController.clear_controlling_thread(force=True)
