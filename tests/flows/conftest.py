"""Flows run for real, on one Prefect server a session, over a small corpus of real questions."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from sphering.flows.environment import prepare

# Before anything imports Prefect; whatever lies in the user's own Prefect home stays untouched.
if "PREFECT_HOME" not in os.environ:
    os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="sphering-prefect-")
    atexit.register(shutil.rmtree, os.environ["PREFECT_HOME"], ignore_errors=True)
prepare()

SAMPLE = Path(__file__).parents[1] / "data" / "banking77" / "banking77-200.parquet"

CONFIG = """
corpus = "banking77"
store = "store"

[source]
path = "{source}"
labels = ["category"]

[encoder]
backend = "torch"

[report]
sample = 100

[run]
workers = 2
unit_rows = 64

[[export]]
name = "unit-vectors"
format = "npy"
"""


@pytest.fixture(scope="session")
def prefect_server(prefect_api):
    """Let flows of this process run on the session's Prefect server."""
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_api, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@pytest.fixture(scope="session")
def write_config():
    """Write a configuration over the sample into a folder."""

    def write(folder: Path, extra: str = "", source: Path = SAMPLE) -> Path:
        path = folder / "sphering.toml"
        path.write_text(CONFIG.format(source=source) + extra, encoding="utf-8")
        return path

    return write
