"""The default encoder for any test, with vectors that the workers of a test session share."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import Encoder, EncoderIdentity, identify, open_encoder
from sphering.encoder.protocol import Role

CONFIG = SentenceTransformersConfig(backend="torch")


@dataclass(frozen=True)
class Encoding:
    """The default encoder: what one worker has encoded, the others read, for some corpora take each of them a minute.

    The model is opened where texts are new.
    """

    kept: Path

    @cached_property
    def identity(self) -> EncoderIdentity:
        return identify(CONFIG, "torch")

    @cached_property
    def encoder(self) -> Encoder:
        return open_encoder(self.identity, CONFIG)

    def vectors(self, texts: list[str], role: Role = "document") -> NDArray[np.float32]:
        of = json.dumps([self.identity.id, role, texts])
        path = self.kept / f"{hashlib.sha256(of.encode()).hexdigest()}.npy"
        if not path.exists():
            beside = path.with_suffix(f".{os.getpid()}")
            with beside.open("wb") as stream:
                np.save(stream, self.encoder.encode(texts, role).vectors)
            beside.replace(path)
        return np.load(path)


@pytest.fixture(scope="session")
def encoding(tmp_path_factory: pytest.TempPathFactory) -> Encoding:
    base = tmp_path_factory.getbasetemp()
    kept = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "vectors"
    kept.mkdir(exist_ok=True)
    return Encoding(kept)
