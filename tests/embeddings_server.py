"""A server of OpenAI's embeddings protocol on loopback: deterministic vectors of texts, and misbehaviour on demand."""

import base64
import json
import time
import zlib
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

import numpy as np
import pytest


def vector(text, model="letters", dimension=32):
    """The vector of a text: the sum of its words' random vectors, and a little of its own."""
    words = [*text.lower().split(), f"{len(text)} {text}"]
    weights = [1.0] * (len(words) - 1) + [0.1]
    seeds = [zlib.crc32(f"{model} {word}".encode()) for word in words]
    rows = [np.random.default_rng(seed).normal(size=dimension) for seed in seeds]
    return np.average(rows, axis=0, weights=weights).astype(np.float32)


class Exchange(BaseHTTPRequestHandler):
    """One request and what a fault may do with its answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server.owner
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.requests.append((dict(self.headers), self.body))
            server.working += 1
            server.most_at_once = max(server.most_at_once, server.working)
            fault = server.faults.popleft() if server.faults else server.always
        try:
            fault(self) if fault else self.send(200, self.good())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with server.lock:
                server.working -= 1

    def good(self):
        """The right answer to this request."""
        server, texts = self.server.owner, self.body["input"]
        rows = [server.vector(text, self.body.get("dimensions")) for text in texts]
        plain = server.ignores_encoding or self.body.get("encoding_format") != "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": row.tolist() if plain else in_base64(row)}
            for index, row in enumerate(rows)
        ]
        tokens = sum(len(text.split()) + 2 for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": self.body["model"], "data": data, "usage": usage}

    def send(self, status, content, headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def in_base64(row):
    return base64.b64encode(np.asarray(row, "<f4").tobytes()).decode()


class EmbeddingsServer:
    """What the server gives, and what it was asked."""

    def __init__(self, port=0):
        self.lock, self.released = Lock(), Event()
        self.requests, self.faults = [], deque()
        self.always = None
        self.working = self.most_at_once = 0
        self.model, self.dimension, self.ignores_encoding, self.noise = "letters", 32, False, 0.0
        self._http = ThreadingHTTPServer(("127.0.0.1", port), Exchange)
        self._http.daemon_threads = True
        self._http.owner = self
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def vector(self, text, dimension=None):
        row = vector(text, self.model, dimension or self.dimension)
        return row + np.float32(self.noise) * np.random.default_rng().normal(size=len(row)).astype(np.float32)

    def texts(self):
        """The texts of each request."""
        return [body["input"] for _, body in self.requests]

    def settings(self, **changed):
        """An [encoder] table that leads here, in which nothing waits for long."""
        fast = {"first_delay": 0.001, "max_wait": 5.0, "timeout": 10.0}
        return {"kind": "openai", "model": "letters", "base_url": self.url, **fast} | changed

    def stop(self):
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


# Faults.


def says(status, message="no", headers=(), code=None):
    """Answer with a status and OpenAI's form of a refusal."""
    content = {"error": {"message": message, "type": "test", "code": code}}
    return lambda exchange: exchange.send(status, content, headers)


def answers(change):
    """Answer with the right content after `change` has had it."""

    def fault(exchange):
        content = exchange.good()
        change(content)
        exchange.send(200, content)

    return fault


def is_late(exchange):
    """Answer only when the test is over."""
    exchange.server.owner.released.wait(20)
    exchange.close_connection = True


def is_slow(seconds):
    def fault(exchange):
        time.sleep(seconds)
        exchange.send(200, exchange.good())

    return fault


def cuts_the_connection(exchange):
    """Send half of what was announced."""
    data = json.dumps(exchange.good()).encode()
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(len(data)))
    exchange.end_headers()
    exchange.wfile.write(data[: len(data) // 2])
    exchange.wfile.flush()
    exchange.close_connection = True


def takes_texts_up_to(characters, status=400, message="This model's maximum context length is {} tokens"):
    """Refuse a request with a longer text, as OpenAI does."""

    def fault(exchange):
        if max(map(len, exchange.body["input"])) > characters:
            says(status, message.format(characters))(exchange)
        else:
            exchange.send(200, exchange.good())

    return fault


def wants_key(key):
    def fault(exchange):
        if exchange.headers.get("Authorization") == f"Bearer {key}":
            exchange.send(200, exchange.good())
        else:
            says(401, f"Incorrect API key provided: {exchange.headers.get('Authorization')}")(exchange)

    return fault


@contextmanager
def serving(port=0):
    server = EmbeddingsServer(port)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def embeddings_server():
    with serving() as server:
        yield server
