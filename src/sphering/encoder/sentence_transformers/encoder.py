"""The kind "sentence-transformers": a model folder's own modules, run in batches under control.

Padding and batching are ours; the network runs in PyTorch or OpenVINO; pooling, dense layers and normalisation are
the model's own modules under either backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.cores import available_cores
from sphering.encoder.protocol import SILENCE, Encoded, Encoder, EncoderIdentity, Role
from sphering.encoder.sentence_transformers.batching import ON_A_CORE, ON_AN_ACCELERATOR
from sphering.encoder.sentence_transformers.devices import CPU, devices
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.loading import is_static, load_model
from sphering.encoder.sentence_transformers.loop import Loop
from sphering.encoder.sentence_transformers.pipeline import Pipeline
from sphering.encoder.sentence_transformers.traits import Traits
from sphering.encoder.texts import check_room, checked
from sphering.errors import ModelError
from sphering.progress import Progress


def load_pipeline(identity: EncoderIdentity, config: SentenceTransformersConfig) -> Loop:
    """Return the loaded model of an identity, under the identity's backend.

    Raises
    ------
    ModelError
        If it cannot be loaded, or this machine does not compute in its precision.
    ParityError
        If a fresh conversion does not give what PyTorch gives.
    """
    if identity.backend == "openvino":
        return _openvino_pipeline(identity, config)
    return _torch_pipeline(identity, config)


def _openvino_pipeline(identity: EncoderIdentity, config: SentenceTransformersConfig) -> Pipeline:
    from sphering.encoder.sentence_transformers.converted import converted
    from sphering.encoder.sentence_transformers.openvino import OpenVINONetwork

    with converted(identity, config) as model:
        network = OpenVINONetwork(model.network, model.tail, config.precision)
    return Pipeline(model.traits, network, Lanes(available_cores()), ON_A_CORE)


def _torch_pipeline(identity: EncoderIdentity, config: SentenceTransformersConfig) -> Loop:
    folder = Path(identity.place)
    places = devices(config.device)
    model = load_model(folder, remote_code=config.trust_remote_code, pooling=config.pooling)
    if is_static(model):
        return _static_pipeline(model)
    from sphering.encoder.sentence_transformers.torch_network import TorchNetwork

    traits = Traits.of(model, config, folder)
    network = TorchNetwork(list(model), type_ids=traits.type_ids, devices=places, precision=config.precision)
    if CPU in places:
        return Pipeline(traits, network, Lanes.of_torch(available_cores()), ON_A_CORE)
    return Pipeline(traits, network, Lanes.of_torch(len(places)), ON_AN_ACCELERATOR)


def _static_pipeline(model: Any) -> Loop:
    from sphering.encoder.sentence_transformers.static import StaticPipeline

    first, *tail = model
    return StaticPipeline(first, tail, int(model.get_embedding_dimension()), Lanes.of_torch(available_cores()))


class SentenceTransformerEncoder:
    """A pipeline behind its prompts.

    Parameters
    ----------
    identity : EncoderIdentity
    pipeline : Loop
        Shared between encoders that differ in the query prompt alone.
    config : SentenceTransformersConfig

    Raises
    ------
    ModelError
        If more dimensions are wanted than the model has, or a prompt leaves no room for a text.
    """

    def __init__(self, identity: EncoderIdentity, pipeline: Loop, config: SentenceTransformersConfig) -> None:
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
        self.device = config.device
        self._prompts: dict[Role, str] = {"document": config.document_prompt, "query": config.query_prompt}
        for role, prompt in self._prompts.items():
            check_room(int(pipeline.tokeniser.tokens([prompt]).counts[0]), pipeline.max_length, role)

    @property
    def batch_tokens(self) -> int | None:
        """Most tokens of a batch where batches have a fixed shape; see `protocol.Shaped`."""
        return self.pipeline.fixed_tokens

    @property
    def accelerators(self) -> dict[str, Any]:
        """The accelerators that compute; see `protocol.Accelerated`."""
        return self.pipeline.accelerators

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts, in any order; see `protocol.Encoder`."""
        return self.pipeline.encode(checked(texts, self._prompts[role]), self._prompts[role], self.dimension, progress)


class ApproximateEncoder(SentenceTransformerEncoder):
    """A pipeline that stands for PyTorch's in float32."""

    reference_name = "PyTorch in float32"

    def __init__(self, identity: EncoderIdentity, pipeline: Loop, config: SentenceTransformersConfig) -> None:
        super().__init__(identity, pipeline, config)
        self._config = config

    def reference(self) -> SentenceTransformerEncoder:
        """Load the model in PyTorch, and return it as an encoder."""
        config = self._config.model_copy(update={"precision": "float32", "device": CPU})
        return SentenceTransformerEncoder(self.identity, _torch_pipeline(self.identity, config), config)


def opened(
    identity: EncoderIdentity, config: SentenceTransformersConfig, relative: Encoder | None
) -> SentenceTransformerEncoder:
    """Return the encoder of an identity, which shares what its relative has loaded."""
    if isinstance(relative, SentenceTransformerEncoder) and _on_the_same_devices(relative, config):
        pipeline = relative.pipeline
    else:
        pipeline = load_pipeline(identity, config)
    exact = identity.backend == "torch" and config.precision == "float32"
    kind = SentenceTransformerEncoder if exact else ApproximateEncoder
    return kind(identity, pipeline, config)


def _on_the_same_devices(relative: SentenceTransformerEncoder, config: SentenceTransformersConfig) -> bool:
    """Return whether an encoder computes where a configuration would have it: the device is not in the identity."""
    return relative.identity.backend == "openvino" or devices(relative.device) == devices(config.device)
