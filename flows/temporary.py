"""Prefect's server as a child of one command: it ends when its parent does, however the parent ends.

Run as `python -m sphering.flows.temporary PORT`. The parent holds the other end of standard input; the kernel closes it
with the parent, also after `kill -9`, which Prefect's own temporary server outlives.
"""

import os
import signal
import sys
import threading


def main(port: int) -> None:
    """Serve Prefect's API on loopback until standard input ends."""
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", lifespan="on")


def _stop_at_end_of_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
