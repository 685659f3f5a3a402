"""What a kind of encoder is: how its table is read, what its identity is made of, and how it is opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sphering.config.encoder import EncoderConfig
from sphering.encoder.protocol import NATIVE, Encoder, EncoderIdentity


@dataclass(frozen=True)
class Resolution:
    """What runs an encoder on this machine, and why that."""

    backend: str
    reason: str


@dataclass(frozen=True)
class TokenRule:
    """What is known of an encoder's tokens without loading it: its tokenizer.json, and its longest input in tokens."""

    tokenizer: Path | None = None
    longest: int | None = None


class EncoderKind(ABC):
    """A kind of encoder; its module has one object of it, `KIND`.

    Attributes
    ----------
    config : type
        The table of this kind: a subclass of `EncoderConfig`.
    """

    config: ClassVar[type[EncoderConfig]]

    def check(self, config: EncoderConfig) -> None:  # noqa: B027 - a kind may have nothing to check
        """Refuse what can be known to be wrong before anything is read or loaded.

        Raises
        ------
        InputError
            If the encoder cannot be opened as configured.
        """

    def resolve(self, config: EncoderConfig) -> Resolution:
        """Return what runs the configured encoder here.

        Raises
        ------
        ModelError
            If the model cannot be found.
        """
        return Resolution(NATIVE, "there is no other")

    def token_rule(self, config: EncoderConfig) -> TokenRule:
        """Return what is known of the encoder's tokens: what [chunk] counts by.

        Raises
        ------
        ModelError
            If the model cannot be found.
        """
        return TokenRule()

    @abstractmethod
    def identify(self, config: EncoderConfig, backend: str) -> EncoderIdentity:
        """Return the identity of the configured encoder under one backend; reads files, loads no framework.

        Parameters
        ----------
        config : EncoderConfig
        backend : str
            What `resolve` gave, or what the corpus has pinned.

        Raises
        ------
        ModelError
            If the model cannot be found or is not whole.
        """

    @abstractmethod
    def open(self, identity: EncoderIdentity, config: EncoderConfig, relative: Encoder | None) -> Encoder:
        """Return the encoder of an identity.

        Parameters
        ----------
        identity : EncoderIdentity
        config : EncoderConfig
        relative : Encoder, optional
            An open encoder of the same identity, configured otherwise in what is no part of it, such as the query
            prompt: what it has loaded may be shared.

        Raises
        ------
        ModelError
            If it cannot be opened.
        ExtraMissingError
            If a library that it needs is not installed.
        """
