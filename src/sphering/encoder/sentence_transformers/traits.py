"""What the loop around a network has to know of a model: how its texts become tokens, and its tokens a batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.sentence_transformers.batching import ROW_MULTIPLE
from sphering.encoder.sentence_transformers.loading import longest_input
from sphering.errors import ModelError

ROW_BY_ROW = frozenset({"Pooling", "Normalize", "Dropout"})
"""Modules behind the network without a matrix product, whose bits do not depend on the number of rows."""


@dataclass(frozen=True)
class Traits:
    """A model without its weights.

    Attributes
    ----------
    tokenizer : str
        The tokenizer as the JSON of the tokenizers library.
    cut : {"left", "right"}
        Where a text is cut off that is too long.
    unknown_id : int or None
        The token of what the vocabulary lacks, where the model has one of its own.
    pad_id : int
        The padding token.
    type_ids : bool
        Whether the network takes token type ids.
    left : bool
        Whether padding stands in front.
    max_length : int or None
        Longest input in tokens.
    width : int
        Length of the vectors before `truncate_dim`.
    texts : int
        What the number of texts of a batch is a multiple of.
    vocabulary : int or None
        How many tokens the network has an embedding of; None where it does not say.
    """

    tokenizer: str
    cut: Literal["left", "right"]
    unknown_id: int | None
    pad_id: int
    type_ids: bool
    left: bool
    max_length: int | None
    width: int
    texts: int
    vocabulary: int | None

    @classmethod
    def of(cls, model: Any, config: SentenceTransformersConfig, folder: Path) -> Self:
        """Return the traits of a loaded SentenceTransformer.

        Raises
        ------
        ModelError
            If the tokenizer has no fast form, or more tokens are asked for than the network has positions.
        """
        first, *tail = model
        tokenizer = first.tokenizer
        _check_fast(tokenizer)
        row_by_row = all(type(module).__name__ in ROW_BY_ROW for module in tail)
        return cls(
            tokenizer=tokenizer.backend_tokenizer.to_str(),
            cut=tokenizer.truncation_side,
            unknown_id=_unknown_id(tokenizer),
            pad_id=tokenizer.pad_token_id or 0,
            type_ids="token_type_ids" in tokenizer.model_input_names,
            left=tokenizer.padding_side == "left",
            max_length=longest_input(first, config.max_length, folder),
            width=int(model.get_embedding_dimension()),
            texts=1 if row_by_row else ROW_MULTIPLE,
            vocabulary=_vocabulary(first.auto_model),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the traits as plain JSON values."""
        return asdict(self)


def _check_fast(tokenizer: Any) -> None:
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"the tokenizer {type(tokenizer).__name__} has no fast form",
            expected="a tokenizer.json, or a format that converts to one",
            remedy="save the tokenizer with a current transformers, which writes tokenizer.json",
        )


def _vocabulary(network: Any) -> int | None:
    """Return the rows of a network's table of token embeddings; networks with code of their own may have none."""
    try:
        return int(network.get_input_embeddings().weight.shape[0])
    except (AttributeError, RuntimeError):  # transformers raises a kind of RuntimeError where it knows no table
        return None


def _unknown_id(tokenizer: Any) -> int | None:
    """Return the unknown token, unless the model has none of its own (byte-level ones reuse end-of-text)."""
    unknown = tokenizer.unk_token_id
    others = {tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.cls_token_id}
    return None if unknown is None or unknown in others else int(unknown)
