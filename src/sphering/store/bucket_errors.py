"""What an object store's client says of a lost or refusing store, in our words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sphering.errors import SpheringError, StorageError, StoreLostError

_PASSING = {
    *("429", "500", "502", "503", "504"),
    *("BadGateway", "GatewayTimeout", "InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown"),
    *("RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequests"),
}
_LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_AGAIN = "then run again: what was finished is kept"


@contextmanager
def client_errors(where: str) -> Iterator[None]:
    """Turn what the client raises into an error that says what to do.

    Raises
    ------
    StorageError
        If the object store refuses: it will again.
    StoreLostError
        If it does not answer, or cannot just now; the client has tried several times by then.
    """
    from aiohttp import ClientError as HttpError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (OSError, BotoCoreError, ClientError, HttpError) as error:
        if _is_of_this_machine(error):
            raise
        raise _in_our_words(error, where) from error


def is_conflict(error: OSError) -> bool:
    """Return whether the object store did not decide, because another put of the same key was under way."""
    return _code(error) in ("ConditionalRequestConflict", "409")


def _in_our_words(error: Exception, where: str) -> SpheringError:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"}:
        return StorageError(
            f"there are no credentials for the object store: {_words(error)}",
            expected="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the role of this machine",
            where=where,
            remedy="set them in the environment or in ~/.aws/, and name a profile with AWS_PROFILE",
        )
    if isinstance(error, PermissionError):
        return StorageError(
            f"the object store refuses: {_words(error)}",
            expected="credentials that may list, read, write and delete there",
            where=where,
            remedy="look at the credentials, the policy of the bucket and this machine's clock",
        )
    if isinstance(error, FileNotFoundError):
        return StorageError(
            f"the object store does not have it: {_words(error)}",
            expected="a bucket that exists, at the endpoint that is configured",
            where=where,
            remedy="create the bucket, or look at `store` and AWS_ENDPOINT_URL",
        )
    code = _code(error)
    if code and code not in _PASSING:
        return StorageError(
            f"the object store refuses: {_words(error)}",
            expected="a request that it takes",
            where=where,
            remedy=f"look at the object store's own log, {_AGAIN}",
        )
    return StoreLostError(
        f"the object store does not answer: {_words(error)}",
        expected="an object store that can be reached",
        where=where,
        remedy=f"look at the network and AWS_ENDPOINT_URL, {_AGAIN}",
    )


def _is_of_this_machine(error: Exception) -> bool:
    """Return whether it is a file or a disk of this machine that refuses, to or from which an object is copied."""
    if not isinstance(error, OSError) or _code(error) is not None:
        return False
    return error.filename is not None or error.errno in _LOCAL


def _code(error: BaseException) -> str | None:
    """Return the code of the object store's own answer, where there was one."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return None


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
