"""The kind "sentence-transformers": a model folder's own modules, run in batches under control.

Padding and batching are ours; the network runs in PyTorch or OpenVINO; pooling, dense layers and normalisation are
the model's own modules under either backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.model import EncoderConfig
from sphering.encoder.batching import ROW_MULTIPLE, Batch, Tokens, fill, plan
from sphering.encoder.compute_profile import available_cores
from sphering.encoder.lanes import Lanes
from sphering.encoder.loading import load_model, longest_input, quiet
from sphering.encoder.protocol import SILENCE, STEP, Encoded, EncoderIdentity, Role
from sphering.encoder.texts import checked
from sphering.encoder.tokeniser import Tokeniser
from sphering.errors import ModelError
from sphering.progress import Progress

Features = dict[str, Any]
EMBEDDING = "sentence_embedding"


@dataclass(frozen=True)
class Pipeline:
    """A loaded model, without prompts.

    Attributes
    ----------
    tokeniser : Tokeniser
    network : callable
        Features with token ids and mask to features with token embeddings.
    tail : tuple of torch.nn.Module
        What follows the network: pooling, dense layers, normalisation.
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
    prompt_length : callable
        Prompt to its tokens where pooling leaves the prompt out, else to None.
    lanes : Lanes
        Where batches are computed.
    """

    tokeniser: Tokeniser
    network: Callable[[Features], Features]
    tail: tuple[Callable[[Features], Features], ...]
    pad_id: int
    type_ids: bool
    left: bool
    max_length: int | None
    width: int
    prompt_length: Callable[[str], int | None]
    lanes: Lanes

    def vectors(self, tokens: Tokens, starts: NDArray[np.int64], batch: Batch, prompt: str) -> NDArray[np.float32]:
        """Return the vectors of one batch, (rows, width) float32."""
        import torch

        ids, mask = fill(tokens, starts, batch, self.pad_id, left=self.left)
        with torch.inference_mode():
            features = self.network(self._features(ids, mask, prompt))
            for module in self.tail:
                features = module(_tall(features))
            vectors = features[EMBEDDING][: len(batch.rows)]
            return np.asarray(vectors.to(torch.float32).numpy())

    def _features(self, ids: NDArray[np.int64], mask: NDArray[np.int64], prompt: str) -> Features:
        import torch

        features: Features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self.type_ids:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        length = self.prompt_length(prompt) if prompt else None
        if length is not None:
            features["prompt_length"] = length
        return features


def _tall(features: Features) -> Features:
    """Fill the pooled vectors up to a multiple of 16 rows, as the token rows are: a dense layer's bits need it."""
    import torch

    pooled = features.get(EMBEDDING)
    if pooled is not None and pooled.shape[0] % ROW_MULTIPLE:
        missing = -pooled.shape[0] % ROW_MULTIPLE
        features[EMBEDDING] = torch.nn.functional.pad(pooled, (0, 0, 0, missing))
    return features


def load_pipeline(identity: EncoderIdentity, config: EncoderConfig) -> Pipeline:
    """Return the loaded model of an identity, under the identity's backend.

    Raises
    ------
    ModelError
        If it cannot be loaded, or OpenVINO does not give what PyTorch gives.
    """
    folder = identity.model_path
    model = load_model(folder, remote_code=config.trust_remote_code)
    first, *tail = model
    limit = longest_input(first, config.max_length, folder)
    names = first.tokenizer.model_input_names
    leaves_prompt_out = any(not getattr(module, "include_prompt", True) for module in tail)
    pipeline = Pipeline(
        tokeniser=Tokeniser(first.tokenizer, limit),
        network=first,
        tail=tuple(tail),
        pad_id=first.tokenizer.pad_token_id or 0,
        type_ids="token_type_ids" in names,
        left=first.tokenizer.padding_side == "left",
        max_length=limit,
        width=int(model.get_embedding_dimension()),
        prompt_length=first._get_prompt_length if leaves_prompt_out else _whole_prompt,
        lanes=Lanes(available_cores()),
    )
    if identity.document["backend"] == "openvino":
        from sphering.encoder.openvino import converted

        with quiet():
            return converted(pipeline, first)
    return pipeline


def _whole_prompt(_: str) -> int | None:
    return None


class SentenceTransformerEncoder:
    """A pipeline behind its prompts.

    Parameters
    ----------
    identity : EncoderIdentity
    pipeline : Pipeline
        Shared between encoders that differ in the query prompt alone.
    config : EncoderConfig

    Raises
    ------
    ModelError
        If more dimensions are wanted than the model has.
    """

    def __init__(self, identity: EncoderIdentity, pipeline: Pipeline, config: EncoderConfig) -> None:
        if config.truncate_dim is not None and config.truncate_dim > pipeline.width:
            raise ModelError(
                f"truncate_dim is {config.truncate_dim}, the model gives {pipeline.width} dimensions",
                expected=f"at most {pipeline.width}",
                where="[encoder] truncate_dim",
                remedy="lower truncate_dim or leave it out",
            )
        self.identity = identity
        self.pipeline = pipeline
        self.dimension = config.truncate_dim or pipeline.width
        self.max_length = pipeline.max_length
        self._prompts: dict[Role, str] = {"document": config.document_prompt, "query": config.query_prompt}

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts, in any order; see `protocol.Encoder`."""
        prompt = self._prompts[role]
        tokens = self.pipeline.tokeniser.tokens(checked(texts, prompt))
        starts = np.cumsum(tokens.lengths) - tokens.lengths
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)

        def encode_batch(batch: Batch) -> None:
            vectors[batch.rows] = self.pipeline.vectors(tokens, starts, batch, prompt)[:, : self.dimension]

        for batch in self.pipeline.lanes.work(encode_batch, plan(tokens.lengths, self.max_length)):
            progress.advance(STEP, len(batch.rows), tokens=int(tokens.lengths[batch.rows].sum()))
        return Encoded(vectors, tokens.counts, tokens.unknown, tokens.counts > tokens.lengths)
