"""One hierarchy of errors; each says what was found, what was expected, where, and what to do.

Terminal errors stay wrong when tried again; Transient ones may pass, and only those are retried.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal


class SpheringError(Exception):
    """The root of every error that the product raises on purpose.

    Parameters
    ----------
    found : str
        What was found, as one sentence without a full stop.
    expected : str, optional
        What was expected instead.
    where : str, optional
        File, row, column, id: the place.
    remedy : str, optional
        What to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, found: str, *, expected: str | None = None, where: str | None = None, remedy: str | None = None
    ) -> None:
        self.found = found
        self.expected = expected
        self.where = where
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        lines = [self.found]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.where:
            lines.append(f"  where:    {self.where}")
        if self.remedy:
            lines.append(f"  do:       {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by fields, so that an error crosses process borders whole."""
        return _revive, (type(self), self.found, self.expected, self.where, self.remedy)


def _revive(
    kind: type[SpheringError], found: str, expected: str | None, where: str | None, remedy: str | None
) -> SpheringError:
    return kind(found, expected=expected, where=where, remedy=remedy)


class TerminalError(SpheringError):
    """Stays wrong however often it is tried."""


class TransientError(SpheringError):
    """May pass when tried again: a moved ref, a source that changed while it was read, a busy server.

    `again_from` says where to try again: the step that failed, the beginning of the run, or nowhere by itself.
    """

    again_from: ClassVar[Literal["step", "beginning", "nowhere"]] = "step"


class InputError(TerminalError):
    """Something that the user gave is wrong: a file, a key, a column, a name."""

    exit_code = 2


class ConfigError(InputError):
    """The configuration cannot be read or does not validate."""


class SourceError(InputError):
    """The corpus cannot be read as configured."""


class ModelError(InputError):
    """The encoder's model cannot be found, opened or run here."""


class TextTooLongError(InputError):
    """A text is longer than the encoder's model reads, and the encoder cuts nothing off."""


class ExtraMissingError(InputError):
    """An optional dependency is not installed."""


class FormatError(InputError):
    """The store was written by a newer version, or is no store."""


class NotFoundError(InputError):
    """A snapshot, release, export or ref of that name does not exist."""


class EmptyCorpusError(InputError):
    """No document is left to work on."""


class UnfittableError(InputError):
    """Vectors are too few, or too much alike, for the map that is to be fitted on them."""


class IdentityError(TerminalError):
    """Vectors, transforms or queries of two encoders would meet."""

    exit_code = 2


class ProbeError(TerminalError):
    """The encoder no longer gives the vectors that it gave at its first use."""


class ParityError(TerminalError):
    """A fast form of an encoder does not give what its reference gives."""


class IntegrityError(TerminalError):
    """Stored bytes are not those that were written, or a run's sums do not add up."""


class StorageError(TerminalError):
    """The store cannot be written or read: no space, no permission."""

    exit_code = 2


class ServerError(TransientError):
    """A Prefect server does not answer."""

    exit_code = 2


class ClusterError(TransientError):
    """A cluster does not answer, or its workers cannot work for the run."""

    again_from = "nowhere"
    exit_code = 2


class EncoderLostError(TransientError):
    """The server of a hosted model does not answer, or says that it cannot just now."""

    exit_code = 2


class StoreLostError(TransientError):
    """An object store does not answer, or says that it cannot just now."""

    exit_code = 2


class SourceChangedError(TransientError):
    """The source changed while it was read."""


class RefMovedError(TransientError):
    """A ref moved since the run began."""

    again_from = "beginning"


class LeaseHeldError(TransientError):
    """Another run or a collection works on the corpus."""

    again_from = "nowhere"


class LeaseLostError(TransientError):
    """The run did not renew its lease in time, and another took it."""

    again_from = "beginning"
