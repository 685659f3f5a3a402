"""What a command says when it fails, and the code that it exits with."""

from __future__ import annotations

import errno
import sys
import traceback

from sphering.errors import SpheringError, StorageError

INTERRUPTED = 130
OTHER = 1
_NO_SPACE = "No space left on device"


def exit_code_of(error: BaseException, *, verbose: bool) -> int:
    """Say on standard error what went wrong and return the exit code: 2 for bad input, 1 for anything unforeseen."""
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted; what was finished is kept, and the next run goes on from there")
        return INTERRUPTED
    known = _known(error)
    if known is not None:
        _say(f"error: {known}")
        return known.exit_code
    lines = str(error).strip().splitlines()
    _say(f"error: {type(error).__name__}: {lines[0] if lines else 'no message'}")
    if not verbose:
        _say("  do:       run the command again with -v to see the traceback")
    return OTHER


def _known(error: BaseException) -> SpheringError | None:
    """Return the error in the product's words, where it has some; libraries meet a full disk in their own."""
    if isinstance(error, SpheringError):
        return error
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or _NO_SPACE in str(error):
        return StorageError(
            "no space is left on the disk",
            expected="space for the store and for the run's working files",
            where=str(getattr(error, "filename", None) or "see the message with -v"),
            remedy="free some space, then run again: what was finished is kept",
        )
    return None


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
