"""Query sides of real models over real questions to a bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from sphering.bundle.folder import Contents
from sphering.bundle.identity import bundle_document
from sphering.bundle.query import Bundle
from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import NormaliseConfig, TransformConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.resolve import locate
from sphering.geometry.moments import Moments
from sphering.transform import Transform, fit

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Side:
    """A bundle with the table that opened its encoder, and raw vectors of its corpus."""

    bundle: Bundle
    config: SentenceTransformersConfig
    raw: NDArray[np.float32]
    texts: list[str]

    @property
    def contents(self) -> Contents:
        identity, transform = self.bundle.encoder.identity, self.bundle.transform
        facts = {
            "corpus": "bank",
            "release": "e" * 16,
            "snapshot": "5" * 16,
            "transform": "7" * 16,
            "encoder_document": identity.document,
            "document_prompt": self.config.document_prompt,
        }
        document = bundle_document(
            identity.id, self.config.query_prompt, self.bundle.normalise, self.bundle.transform.sha256
        )
        return Contents(document, facts, transform, self.raw[:64], self.bundle, self.config, self.texts[:16])


@pytest.fixture(scope="session")
def bank_texts() -> list[str]:
    return pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::30]


@pytest.fixture(scope="session")
def fit_on() -> Callable[..., Transform]:
    def fitted(raw: NDArray[np.float32], encoder: str, **transform: object) -> Transform:
        moments = Moments.empty(raw.shape[1])
        moments.update(raw)
        return fit(TransformConfig.model_validate(transform), moments, encoder=encoder, snapshot="5" * 16)

    return fitted


@pytest.fixture(scope="session")
def side(bank_texts: list[str], fit_on: Callable[..., Transform]) -> Callable[..., Side]:
    """Return a function that makes a query side of a transform, a normalisation and encoder options."""
    encoded: dict[str, NDArray[np.float32]] = {}

    def make(transform: dict, normalise: dict | None = None, **options: object) -> Side:
        config = SentenceTransformersConfig.model_validate({"backend": "torch", **options})
        encoder = open_encoder(identify(config, config.backend), config)
        if encoder.identity.id not in encoded:
            encoded[encoder.identity.id] = encoder.encode(bank_texts).vectors
        raw = encoded[encoder.identity.id]
        fitted = fit_on(raw, encoder.identity.id, **transform)
        return Side(Bundle(encoder, NormaliseConfig(**(normalise or {})), fitted), config, raw, bank_texts)

    return make


@pytest.fixture(scope="session")
def default_model() -> Path:
    return locate(SentenceTransformersConfig()).folder
