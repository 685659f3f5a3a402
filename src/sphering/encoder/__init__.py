"""Text to vectors, by encoders with an identity.

Importing this package loads no model and no framework; `open_encoder` does.
"""

from sphering.encoder.backend import resolve_backend
from sphering.encoder.compute_profile import profile
from sphering.encoder.identity import identify
from sphering.encoder.opening import open_encoder
from sphering.encoder.protocol import STEP, Encoded, Encoder, EncoderIdentity, Role

__all__ = [
    "STEP",
    "Encoded",
    "Encoder",
    "EncoderIdentity",
    "Role",
    "identify",
    "open_encoder",
    "profile",
    "resolve_backend",
]
