"""A configuration holds no secret: it is kept with every run, and shown in the scheduler's pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_CREDENTIALS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s'\"]*@")


def urls_with_credentials(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where a parsed file has a string with a URL that names a user or a password, such as ``ftp://me:it@host``.

    An S3 URL has neither, and an address of e-mail is no URL.
    """
    if isinstance(value, str) and _CREDENTIALS.search(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from urls_with_credentials(inner, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for number, inner in enumerate(value):
            yield from urls_with_credentials(inner, (*path, number))
