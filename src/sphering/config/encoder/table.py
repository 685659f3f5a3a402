"""The keys that every kind of encoder has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from sphering.config.variant import Variants, VariantTable


class EncoderConfig(VariantTable):
    """Text to vector: the keys that every kind of encoder has.

    Validating a mapping against this class gives the table of the kind that it names.
    """

    variants: ClassVar[Variants] = Variants(
        "kind", "encoder of the kind", "sphering.encoders", default="sentence-transformers"
    )

    kind: str = Field(description="Which encoder.")
    document_prompt: str = Field("", description="Put in front of every document's text.")
    query_prompt: str = Field("", description="Put in front of every query.")
    max_drift: float = Field(1e-6, ge=0, description="Largest cosine distance to the stored probe that is tolerated.")

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
