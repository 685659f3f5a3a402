"""Lanes: batches side by side, each worked by one thread on one core.

A batch of 2,048 tokens is too little work to share: on two cores, two batches side by side were measured at 1.15 to
1.2x of one batch after another on both, in PyTorch and in OpenVINO. And a product that is never shared between threads
has the same bits on any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from threading import Barrier
from typing import TypeVar

from sphering import interruption

Item = TypeVar("Item")


def _nothing() -> None:
    pass


class Lanes:
    """Threads for batches.

    Parameters
    ----------
    count : int
        How many.
    begin : callable, optional
        What each thread calls when it begins.
    """

    def __init__(self, count: int, begin: Callable[[], None] = _nothing) -> None:
        self._pool = ThreadPoolExecutor(count, "lane", begin)
        barrier = Barrier(count)  # all begin here, and not while something else is measured or settled
        list(self._pool.map(lambda _: barrier.wait(), range(count)))

    @classmethod
    def of_torch(cls, count: int) -> Lanes:
        """Return lanes in which PyTorch computes without further threads of its own."""
        import torch

        outside = torch.get_num_threads()
        try:
            return cls(count, lambda: torch.set_num_threads(1))
        finally:
            # The setting of a thread is also the default of threads that start later.
            torch.set_num_threads(outside)

    def work(self, function: Callable[[Item], object], items: Sequence[Item]) -> Iterator[Item]:
        """Yield each item when the function is through with it.

        An error, an interruption or a closed iterator cancels the rest.
        """
        waiting = {self._pool.submit(function, item): item for item in items}
        try:
            for future in as_completed(waiting):
                interruption.check()
                future.result()
                yield waiting.pop(future)
        finally:
            for future in waiting:
                future.cancel()
            wait(waiting)  # those that are being worked hold memory
