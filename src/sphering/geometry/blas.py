"""One BLAS thread for what must have the same bits everywhere.

`eigh` and `svd` give other bits with another thread count, so they run under one thread. The limit of threadpoolctl
is process-wide; entering it from two Python threads and leaving in another order would leave the limit in place.
Hence the count of those inside.
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
    """Limit BLAS to one thread while anybody is inside; restored by the last who leaves."""
    global _inside, _limits
    with _lock:
        if _inside == 0:
            from threadpoolctl import threadpool_limits

            _limits = threadpool_limits(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limits.restore_original_limits()
                _limits = None
