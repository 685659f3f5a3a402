"""What a command says when it fails, and the code that it exits with."""

from __future__ import annotations

import logging
import sys
import traceback

from sphering import logs
from sphering.errors import SpheringError
from sphering.store.exhausted import exhaustion

INTERRUPTED = 130
OTHER = 1
_log = logging.getLogger(__name__)


def exit_code_of(error: BaseException, *, verbose: bool) -> int:
    """Say on standard error what went wrong and return the exit code: 2 for bad input, 1 for anything unforeseen."""
    known = _known(error)
    if logs.wanted():
        logs.install()
        _log.error("%s", known or error or type(error).__name__, exc_info=error)
    else:
        _say_what(error, known, verbose=verbose)
    _let_go(error)
    if known is not None:
        return known.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else OTHER


def _say_what(error: BaseException, known: SpheringError | None, *, verbose: bool) -> None:
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    if known is not None:
        _say(f"error: {known}")
    elif isinstance(error, KeyboardInterrupt):
        _say("interrupted; what was finished is kept, and the next run goes on from there")
    else:
        _say_unforeseen(error, verbose=verbose)


def _say_unforeseen(error: BaseException, *, verbose: bool) -> None:
    lines = str(error).strip().splitlines()
    _say(f"error: {type(error).__name__}: {lines[0] if lines else 'no message'}")
    if not verbose:
        _say("  do:       run the command again with -v to see the traceback")


def _let_go(error: BaseException | None) -> None:
    """Free what the frames hold that an error came through.

    Prefect keeps the error of a failed flow as long as the process lives. DuckDB's objects in its frames would be left
    when the interpreter ends, and DuckDB lists each of them under the message.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _known(error: BaseException) -> SpheringError | None:
    """Return the error in the product's words, where it has some; libraries meet their limits in their own."""
    return error if isinstance(error, SpheringError) else exhaustion(error)


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
