"""Opening an encoder touches no network, says nothing, and importing the package loads no framework."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent

import pytest

OPEN = """
    import socket, sys

    def refuse(*arguments, **named):
        raise AssertionError("the network was asked for")

    socket.socket.connect = socket.getaddrinfo = refuse
    from sphering.config.encoder import SentenceTransformersConfig
    from sphering.encoder import identify, open_encoder

    config = SentenceTransformersConfig(backend=sys.argv[1])
    encoder = open_encoder(identify(config, sys.argv[1]), config)
    assert encoder.encode(["hello"]).vectors.shape == (1, 384)
    assert "openvino_telemetry" not in sys.modules
"""


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_opening_asks_for_no_network_and_says_nothing(backend, tmp_path, needs):
    needs(backend)
    done = subprocess.run(
        [sys.executable, "-c", dedent(OPEN), backend],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""
    assert not list(tmp_path.glob("intel*"))


def test_importing_the_encoders_loads_no_framework():
    code = """
        import sys
        from sphering.config.encoder import SentenceTransformersConfig
        from sphering.encoder import identify, profile, resolve_backend

        config = SentenceTransformersConfig()
        identify(config, resolve_backend(config).backend)
        profile()
        heavy = {"torch", "transformers", "sentence_transformers", "openvino", "pyarrow", "prefect", "huggingface_hub"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True, timeout=120)
