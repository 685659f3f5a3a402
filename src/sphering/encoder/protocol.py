"""What an encoder is to the rest of the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sphering.identity import short_id
from sphering.progress import Progress, Silence

Role = Literal["document", "query"]

NATIVE = "native"
STEP = "encode"
"""The step under which `Encoder.encode` reports its progress; the caller starts and finishes it."""

SILENCE = Silence()


@dataclass(frozen=True)
class EncoderIdentity:
    """What an encoder is made of, and where that lies on this machine.

    Attributes
    ----------
    id : str
        16 hex digits: the first of SHA-256 over the canonical JSON of `document`.
    document : dict
        What is hashed: kind, files, pooling, prompt, lengths, precision, backend.
    provenance : dict
        Names and places; they enter no id.
    place : str
        The folder, file or address that is opened.
    """

    id: str
    document: dict[str, Any]
    provenance: dict[str, Any]
    place: str

    @property
    def backend(self) -> str:
        """What runs it, ``native`` where there is no choice."""
        return str(self.document.get("backend", NATIVE))

    @classmethod
    def of(cls, document: dict[str, Any], provenance: dict[str, Any], place: Path | str) -> Self:
        """Return the identity whose id is made of `document`."""
        return cls(short_id(document), document, provenance, str(place))


@dataclass(frozen=True)
class Encoded:
    """The vectors of some texts, in the order of the texts.

    Attributes
    ----------
    vectors : (n, d) float32, C-contiguous
        As the model gives them; rows may be zero or hold NaN, which the caller judges.
    n_tokens : (n,) int32 or None
        Tokens of prompt and text, special tokens included, before truncation; None where the encoder cannot say.
    n_unknown : (n,) int32 or None
        How many of them the vocabulary lacks, or stand for a letter whose marks are dropped; None where the encoder
        cannot say.
    truncated : (n,) bool
        Whether the end of the text was cut off.
    billed_tokens : int, optional
        Tokens that a server counted for all texts together; None where nobody bills them.
    """

    vectors: NDArray[np.float32]
    n_tokens: NDArray[np.int32] | None
    n_unknown: NDArray[np.int32] | None
    truncated: NDArray[np.bool_]
    billed_tokens: int | None = None


class Encoder(Protocol):
    """Text to vector: the same text gives the same bits, whatever it is encoded with."""

    @property
    def identity(self) -> EncoderIdentity:
        """The encoder's identity."""

    @property
    def dimension(self) -> int:
        """The length of a vector."""

    @property
    def max_length(self) -> int | None:
        """Longest input in tokens; None where nothing is cut off."""

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts; safe to call from several threads.

        Raises
        ------
        InputError
            If a text holds what no encoder can read: a NUL or a lone surrogate.
        TextTooLongError
            If a text is longer than the model reads, and the encoder cuts nothing off.
        EncoderLostError
            If the model is elsewhere, and does not answer.
        """


@runtime_checkable
class Shaped(Protocol):
    """An encoder whose bits may depend on how large its batches are, which too little memory makes smaller."""

    @property
    def batch_tokens(self) -> int | None:
        """Most tokens of a batch; None where no bit depends on it."""


@runtime_checkable
class Accelerated(Protocol):
    """An encoder that may compute on accelerators."""

    @property
    def accelerators(self) -> dict[str, Any]:
        """What of them may change a bit, as JSON values; empty on a CPU."""


@runtime_checkable
class Approximation(Encoder, Protocol):
    """An encoder that stands for a slower one, its reference."""

    @property
    def reference_name(self) -> str:
        """What the reference is, in words."""

    def reference(self) -> Encoder:
        """Open and return the reference; it goes with its last user."""
