"""What stands between a worker and its object store: it passes on, fails, is slow, or is gone."""

import http.client
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class _Passage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        owner = self.server.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if owner.gone:
                self.close_connection = True
            elif owner.takes_failure():
                self._answer(500, [], b"")
            else:
                time.sleep(owner.slow_seconds)
                self._answer(*owner.ask(self.command, self.path, body, self.headers))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP or (self.command == "HEAD" and name.lower() == "content-length"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


for _method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
    setattr(_Passage, f"do_{_method}", _Passage.handle_any)


class Proxy:
    """A way to a server on loopback, to be disturbed."""

    def __init__(self):
        self.port = None  # of what stands behind it
        self.gone, self.slow_seconds = False, 0.0
        self.failed, self._failures, self._lock = 0, 0, Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Passage)
        self._http.daemon_threads = True
        self._http.owner = self
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._http.server_port}"

    def fail(self, requests):
        """Answer 500 to so many requests."""
        self._failures, self.failed = requests, 0

    def takes_failure(self):
        with self._lock:
            due = self._failures > 0
            self._failures -= due
            self.failed += due
        return due

    def ask(self, method, path, body, headers):
        """Return status, headers and body of the answer of what stands behind."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def mend(self):
        """Pass on everything again."""
        self.gone, self.slow_seconds, self._failures = False, 0.0, 0

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
