"""The kind "sentence-transformers": a model folder's own modules, run in batches under control.

Padding and batching are ours; the network runs in PyTorch or OpenVINO; pooling, dense layers and normalisation are
the model's own modules under either backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sphering.config.encoder import SentenceTransformersConfig
from sphering.cores import available_cores
from sphering.encoder.protocol import SILENCE, STEP, Encoded, EncoderIdentity, Role
from sphering.encoder.sentence_transformers.batching import Batch, plan
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.loading import load_model, longest_input, quiet
from sphering.encoder.sentence_transformers.pipeline import Pipeline
from sphering.encoder.sentence_transformers.tokeniser import Tokeniser
from sphering.encoder.texts import checked
from sphering.errors import ModelError
from sphering.progress import Progress


def load_pipeline(identity: EncoderIdentity, config: SentenceTransformersConfig) -> Pipeline:
    """Return the loaded model of an identity, under the identity's backend.

    Raises
    ------
    ModelError
        If it cannot be loaded, or OpenVINO does not give what PyTorch gives.
    """
    folder = Path(identity.place)
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
        from sphering.encoder.sentence_transformers.openvino import converted

        with quiet():
            return converted(pipeline, first)
    from sphering.encoder.sentence_transformers.packed import pack_linear_layers

    pack_linear_layers(first)
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
    config : SentenceTransformersConfig

    Raises
    ------
    ModelError
        If more dimensions are wanted than the model has.
    """

    def __init__(self, identity: EncoderIdentity, pipeline: Pipeline, config: SentenceTransformersConfig) -> None:
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
