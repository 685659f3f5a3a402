"""A webhook's other end: a real HTTP listener on loopback, for any test."""

import http.server
import json
import threading
import time

import pytest


class Listener(http.server.ThreadingHTTPServer):
    """Takes posts, and answers each with the next of the answers it was given; the last one goes on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Post)
        self.answers = [200]
        self.posts = []
        self.paths = []
        self.delay = 0.0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        """An address with what nobody but the two ends may see."""
        return f"http://127.0.0.1:{self.server_port}/services/T0SECRETTOKEN"

    def handle_error(self, *_):
        """A client that has hung up is what some tests are about."""


class _Post(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        number = len(self.server.paths)
        self.server.paths.append(self.path)
        self.server.posts.append(json.loads(body))
        time.sleep(self.server.delay)
        status = self.server.answers[min(number, len(self.server.answers) - 1)]
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    with Listener() as server:
        yield server
        server.shutdown()
