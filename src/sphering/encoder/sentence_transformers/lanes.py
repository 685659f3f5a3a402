"""Lanes: batches side by side, each worked by one thread on one core.

A batch of 2,048 tokens is too little work to share: on two cores, two batches side by side were measured at 1.15 to
1.2x of one batch after another on both, in PyTorch and in OpenVINO. And a product that is never shared between threads
has the same bits on any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Barrier
from typing import TypeVar

from sphering import interruption

Item = TypeVar("Item")


class Lanes:
    """Threads in which PyTorch computes without further threads of its own.

    Parameters
    ----------
    count : int
        How many.
    """

    def __init__(self, count: int) -> None:
        import torch

        outside = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(count, "lane", torch.set_num_threads, (1,))
        # The setting of a thread is also the default of threads that start later: all start here, then it is put back.
        barrier = Barrier(count)
        list(self._pool.map(lambda _: barrier.wait(), range(count)))
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
