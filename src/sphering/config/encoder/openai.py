"""[encoder] with `kind = "openai"`."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from sphering.config.encoder.table import EncoderConfig


class OpenAIConfig(EncoderConfig):
    """A model behind an HTTP endpoint that speaks OpenAI's `/v1/embeddings`: theirs, or a server of your own."""

    kind: Literal["openai"] = Field(description="Which encoder.")
    model: str = Field(min_length=1, description="The model's name, as the server knows it; part of the identity.")
    revision: str | None = Field(
        None,
        description=(
            "What else tells this model from an earlier one of its name, in your own words; part of the identity."
        ),
    )
    base_url: str = Field("https://api.openai.com/v1", description="The endpoint's address, without `/embeddings`.")
    api_key_env: str = Field(
        "OPENAI_API_KEY",
        description="The environment variable that holds the key, where it is set; empty: no key is sent.",
    )
    truncate_dim: int | None = Field(
        None, gt=0, description="Ask the server for so many dimensions (its `dimensions`; Matryoshka models)."
    )
    tokenizer: str | None = Field(
        None,
        description=(
            "The model's tokenizer, which counts tokens and cuts texts here: a tokenizer.json, a folder with one, or "
            "`package:NAME`."
        ),
    )
    max_length: int | None = Field(
        None, gt=1, description="Longest input in tokens, beyond which texts are cut here; needs `tokenizer`."
    )
    batch_texts: int = Field(32, ge=1, le=2048, description="Most texts of one request.")
    batch_tokens: int = Field(
        100_000, ge=1, description="Most tokens of one request; a UTF-8 byte counts as one without `tokenizer`."
    )
    concurrency: int = Field(8, ge=1, le=256, description="Most requests at once.")
    timeout: float = Field(60.0, gt=0, description="Seconds within which a request is answered whole.")
    retries: int = Field(5, ge=0, le=100, description="How often a request is tried again that may pass.")
    first_delay: float = Field(
        0.5, ge=0, description="Seconds before the first of them; each later delay is twice as long, up to 30."
    )
    max_wait: float = Field(120.0, ge=0, description="Most seconds that a request waits between its tries, in all.")
    price_per_million_tokens: float | None = Field(
        None, ge=0, description="What a million billed tokens cost, in any currency: runs then say what they cost."
    )
    max_drift: float = Field(
        1e-4, ge=0, description="Largest cosine distance to the stored probe that is tolerated: servers vary more."
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url is no URL that begins with http:// or https://")
        if parts.username or parts.password or parts.query or parts.fragment:  # not repeated: a secret may stand in it
            raise ValueError("base_url carries more than an address; a key comes from the environment alone")
        if parts.path.rstrip("/").endswith("/embeddings"):
            raise ValueError("base_url ends before /embeddings, which is added to it")
        return value.rstrip("/")

    @field_validator("api_key_env")
    @classmethod
    def _variable(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):  # not repeated: it may be a key
            raise ValueError("api_key_env is no name of an environment variable; the key itself never stands here")
        return value

    @model_validator(mode="after")
    def _can_cut(self) -> Self:
        if self.max_length is not None and self.tokenizer is None:
            raise ValueError("max_length needs `tokenizer`: without one nothing says where a text is to be cut")
        return self

    @property
    def hosted(self) -> bool:
        """A server computes them, wherever it stands."""
        return True

    def cost(self, billed_tokens: int) -> float | None:
        """Return tokens times the configured price."""
        price = self.price_per_million_tokens
        return None if price is None else billed_tokens * price / 1e6

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model
