"""Qdrant in this process, behind the few paths of its REST interface that the exports' scripts ask.

The engine is qdrant-client's own, which parses the bodies with the models of the interface.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from qdrant_client import QdrantClient, models

_PATHS = (
    ("PUT", r"/collections/([^/?]+)", "create"),
    ("PUT", r"/collections/([^/?]+)/points\?wait=true", "upsert"),
    ("POST", r"/collections/([^/?]+)/points/delete\?wait=true", "delete"),
    ("POST", r"/collections/([^/?]+)/points/batch\?wait=true", "batch"),
    ("POST", r"/collections/(aliases)", "aliases"),
)


@dataclass(frozen=True)
class Qdrant:
    """A running server: its engine and its address."""

    client: QdrantClient
    url: str

    def run(self, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", "QDRANT_URL": self.url, "QDRANT_API_KEY": "secret"}
        command = ["/bin/sh", str(folder / script)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def serving() -> Iterator[Qdrant]:
    """Serve an empty engine on loopback."""
    client = QdrantClient(":memory:")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 200
            try:
                assert self.headers["api-key"] == "secret"
                _apply(client, self.command, self.path, body)
            except Exception as error:
                status = 404 if "not found" in str(error) else 400
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        do_PUT = _answer  # noqa: N815 - as the base class looks for it
        do_POST = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Qdrant(client, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _apply(client: QdrantClient, method: str, path: str, body: dict[str, Any]) -> None:
    name, action = next(
        (found[1], action)
        for known, pattern, action in _PATHS
        if method == known and (found := re.fullmatch(pattern, path))
    )
    if action == "create":
        create_collection(client, name, body)
    elif action == "upsert":
        client.upsert(name, models.PointsList.model_validate(body).points)
    elif action == "delete":
        client.delete(name, models.PointIdsList.model_validate(body))
    elif action == "batch":
        client.batch_update_points(name, models.UpdateOperations.model_validate(body).operations)
    else:
        client.update_collection_aliases(models.ChangeAliasesOperation.model_validate(body).actions)


def create_collection(client: QdrantClient, name: str, body: dict[str, Any]) -> None:
    """Create the collection of a collection.json."""
    client.create_collection(name, vectors_config=models.CreateCollection.model_validate(body).vectors)
