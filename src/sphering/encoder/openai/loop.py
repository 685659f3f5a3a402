"""One event loop for all requests of the process, in a thread of its own.

A request that is on its way can be cancelled there at once, where a thread would have to wait for its answer: so an
interrupted run ends at once, and an error in one batch spares the money for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from functools import cache
from threading import Lock, Thread
from typing import Any, TypeVar

from sphering import interruption

Result = TypeVar("Result")

_POLL = 0.1
"""Seconds between two looks for an interruption."""
_lock = Lock()


def finished(coroutines: Iterable[Coroutine[Any, Any, Result]]) -> Iterator[Result]:
    """Yield the result of each coroutine when it is through; in any order.

    An error, an interruption or a closed iterator cancels the rest.
    """
    with _lock:
        loop = _loop()
    waiting = {asyncio.run_coroutine_threadsafe(coroutine, loop) for coroutine in coroutines}
    done = waiting
    try:
        while waiting:
            interruption.check()
            done, waiting = wait(waiting, timeout=_POLL, return_when=FIRST_COMPLETED)
            for future in done:
                interruption.check()
                yield future.result()
    finally:
        for future in waiting | done:
            future.cancel()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    # A daemon: the end of the process waits for no answer.
    Thread(target=loop.run_forever, name="encoder-requests", daemon=True).start()
    return loop
