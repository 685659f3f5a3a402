"""A real S3 protocol server on loopback, in a process of its own, and the environment that leads to it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from itertools import count

import pytest

SECRET = "never-to-be-seen-anywhere"
_BUCKETS = count(1)


def _free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@dataclass
class ObjectStore:
    """moto's server; what it holds dies with its process."""

    port: int = field(default_factory=_free_port)
    process: subprocess.Popen | None = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=2).close()
            except OSError:
                assert time.monotonic() < deadline, "the object store does not start"
                time.sleep(0.1)
            else:
                return

    def stop(self):
        self.process.kill()
        self.process.wait(30)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def client(self):
        import boto3

        return boto3.client("s3")

    def bucket(self):
        """Make a bucket of its own for a test and return its URL."""
        name = f"bucket-{os.getpid()}-{next(_BUCKETS)}"
        self.client().create_bucket(Bucket=name)
        return f"s3://{name}"


def lead_to(store, monkeypatch, folder):
    """Let this process and its children find an object store by the usual variables, and a cache of their own."""
    settings = {
        "AWS_ENDPOINT_URL": store.endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def s3_server():
    """One object store for a session."""
    store = ObjectStore()
    store.start()
    yield store
    store.stop()


@pytest.fixture
def s3(s3_server, monkeypatch, tmp_path):
    """The session's object store, as this test's process and its children find it."""
    lead_to(s3_server, monkeypatch, tmp_path)
    return s3_server


@pytest.fixture
def own_s3(monkeypatch, tmp_path):
    """An object store of this test alone, to stop and start again."""
    store = ObjectStore()
    store.start()
    lead_to(store, monkeypatch, tmp_path)
    yield store
    store.stop()
