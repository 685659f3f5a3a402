"""Prefect's server as a child of one command: it ends when its parent does, however the parent ends.

Run as `python -m sphering.flows.temporary PORT [FOLDER]`, FOLDER being that of a database which goes with the server.
The parent holds the other end of standard input; the kernel closes it with the parent, also after `kill -9`, which
Prefect's own temporary server outlives.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from sphering.flows import database


def main(port: int, folder: Path | None = None) -> None:
    """Serve Prefect's API on loopback until standard input ends, then remove the database's folder."""
    # Where a signal just ended the process, before, during or after the server's own shutdown, the folder would stay.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    try:
        _serve(port, folder)
    finally:
        if folder is not None:
            database.remove(folder)


def _serve(port: int, folder: Path | None) -> None:
    is_new = folder is not None and not any(folder.iterdir())
    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if folder is not None and is_new:
                database.keep(folder)

    app = create_app(ephemeral=True, final=True)
    Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="on")).run()


def _stop_at_end_of_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(Path, sys.argv[2:]))
