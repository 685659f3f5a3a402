"""Text to vectors, by encoders with an identity.

Importing this package loads no model and no framework; `open_encoder` does.
"""

from sphering.encoder.compute_profile import profile
from sphering.encoder.kind import EncoderKind, Resolution, TokenRule
from sphering.encoder.opening import check_encoder, identify, open_encoder, resolve_backend, token_rule
from sphering.encoder.protocol import STEP, Encoded, Encoder, EncoderIdentity, Role

__all__ = [
    "STEP",
    "Encoded",
    "Encoder",
    "EncoderIdentity",
    "EncoderKind",
    "Resolution",
    "Role",
    "TokenRule",
    "check_encoder",
    "identify",
    "open_encoder",
    "profile",
    "resolve_backend",
    "token_rule",
]
