"""A run asks nothing of any network: no model hub, no telemetry, neither by itself nor by the server that it starts."""

import pytest

pytestmark = pytest.mark.command

HOOK = """
import os
import sys

LOOPBACK = {None, "", "127.0.0.1", "::1", "0.0.0.0", "localhost"}


def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    seen = "loopback" if host in LOOPBACK else f"outside: {host}"
    with open(os.environ["SEEN"], "a") as log:
        log.write(f"{seen}\\n")
    if host not in LOOPBACK:
        raise OSError(f"{host} was asked for")


sys.addaudithook(watch)
"""


def test_a_run_and_its_server_ask_no_host_but_this_one(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path, "[[export]]\nname = 'index'\nformat = 'faiss'\nindex = 'Flat'\n")
    (tmp_path / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    seen = tmp_path / "seen.txt"
    # Prefect and the hub's client stay silent in CI and in tests of their own accord: neither is to be told of one.
    environment = {
        **dict.fromkeys(
            ("PREFECT_API_URL", "CI", "PYTEST_CURRENT_TEST", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        ),
        "PYTHONPATH": str(tmp_path),
        "SEEN": str(seen),
    }
    ran = sphering("run", cwd=tmp_path, **environment)
    assert ran.code == 0, ran.err
    assert set(seen.read_text(encoding="utf-8").splitlines()) == {"loopback"}
