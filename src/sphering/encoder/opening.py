"""One encoder a process: loaded once, shared by every thread that asks for it."""

from __future__ import annotations

from threading import Lock

from sphering.config.encoder import EncoderConfig
from sphering.encoder.kind import Resolution, TokenRule
from sphering.encoder.kinds import kind_of
from sphering.encoder.protocol import Encoder, EncoderIdentity

_lock = Lock()
_open: dict[tuple[str, str], Encoder] = {}


def check_encoder(config: EncoderConfig) -> None:
    """Refuse an encoder that can be known not to open, before anything is read or loaded."""
    kind_of(config).check(config)


def resolve_backend(config: EncoderConfig) -> Resolution:
    """Return what runs the configured encoder here.

    The caller pins the answer in the store, since the backend is part of the identity.

    Raises
    ------
    ModelError
        If the model cannot be found.
    """
    return kind_of(config).resolve(config)


def token_rule(config: EncoderConfig) -> TokenRule:
    """Return what is known of the configured encoder's tokens without loading it.

    Raises
    ------
    ModelError
        If the model cannot be found.
    """
    return kind_of(config).token_rule(config)


def identify(config: EncoderConfig, backend: str) -> EncoderIdentity:
    """Return the identity of the configured encoder under one backend; reads files, loads no framework.

    Raises
    ------
    ModelError
        If the model cannot be found or its folder is not whole.
    """
    return kind_of(config).identify(config, backend)


def open_encoder(identity: EncoderIdentity, config: EncoderConfig) -> Encoder:
    """Return the encoder of that identity, loading it if this process has not.

    The query prompt is no part of the identity, nor is where a server is or where vectors lie that were made elsewhere:
    encoders of one identity that are configured otherwise are opened each on its own, and share what was loaded where
    their kind can.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or does not give what PyTorch gives.
    ExtraMissingError
        If a library that it needs is not installed.
    """
    key = (identity.id, config.model_dump_json())
    with _lock:
        if key not in _open:
            relative = next((encoder for (known, _), encoder in _open.items() if known == identity.id), None)
            _open[key] = kind_of(config).open(identity, config, relative)
        return _open[key]
