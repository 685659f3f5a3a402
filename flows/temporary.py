"""Prefect's server as a child of one command: it ends when its parent does, however the parent ends.

Run as `python -m sphering.flows.temporary PORT`. The parent holds the other end of standard input; the kernel closes it
with the parent, also after `kill -9`, where Prefect's own temporary server lives on.
"""

import os
import signal
import sys
import threading


def main(port: int) -> None:
    """Serve Prefect's API on loopback until standard input ends."""
    import uvicorn

    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    uvicorn.run(
        "prefect.server.api.server:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


def _stop_at_end_of_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
