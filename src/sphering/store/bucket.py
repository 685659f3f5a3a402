"""A prefix of a bucket, through s3fs: the only code that speaks to an object store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sphering.errors import InputError, StorageError
from sphering.extras import require
from sphering.store.bucket_errors import client_errors, is_conflict

_SCHEME = "s3://"
_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 4
_ATTEMPTS = 8


@dataclass(frozen=True)
class Found:
    """An object as it was found: its key, bytes, when it was written (seconds), its version, and its marks."""

    key: str
    size: int
    modified: float
    etag: str
    marks: Mapping[str, str] = field(default_factory=dict)


class Bucket:
    """The objects under one prefix; keys are relative to it.

    Every method raises a StorageError where the object store cannot be reached or refuses.
    """

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    @classmethod
    def at(cls, url: str) -> Bucket:
        """Return the prefix of a URL, with endpoint and credentials from the usual AWS variables and files.

        Raises
        ------
        InputError
            If it is no ``s3://bucket/prefix``.
        ExtraMissingError
            If s3fs is not installed.
        """
        bucket, prefix = _parsed(url)
        environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))
        return cls(_client(os.getpid(), hash(environment)), bucket, prefix)

    @property
    def endpoint(self) -> str:
        """The address of the object store."""
        with client_errors(self.where()):
            self._client.connect()
        return str(self._client.s3.meta.endpoint_url)

    def where(self, key: str = "") -> str:
        """Return the URL of a key, or of the prefix."""
        return f"{_SCHEME}{self._bucket}/{self._name(key)}".rstrip("/")

    def head(self, key: str) -> Found | None:
        """Return what is found of an object, or None where it does not exist."""
        with client_errors(self.where(key)):
            try:
                answer = self._client.call_s3("head_object", Bucket=self._bucket, Key=self._name(key))
            except FileNotFoundError:
                return None
        return Found(key, answer["ContentLength"], _seconds(answer["LastModified"]), answer["ETag"], answer["Metadata"])

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object, or None where it does not exist."""
        with client_errors(self.where(key)):
            try:
                return bytes(self._client.cat_file(self._full(key)))
            except FileNotFoundError:
                return None

    def fetch(self, key: str, target: Path) -> None:
        """Write the bytes of an object to a local file."""
        with client_errors(self.where(key)):
            self._client.get_file(self._full(key), str(target), max_concurrency=_PARTS_AT_ONCE)

    def put(self, key: str, content: bytes | Path, **conditions: Any) -> None:
        """Put an object from bytes or a local file; big files go in parts and appear as a whole."""
        with client_errors(self.where(key)):
            self._send(key, content, **conditions)

    def put_absent(self, key: str, content: bytes | Path, marks: Mapping[str, str]) -> bool:
        """Put an object with marks unless one exists; return False where one does."""
        with client_errors(self.where(key)):
            for attempt in range(_ATTEMPTS):
                try:
                    self._send(key, content, mode="create", Metadata=dict(marks))
                except FileExistsError:
                    return False
                except OSError as error:
                    # Another put of this key was under way: whether it succeeds shows at the next attempt.
                    if not is_conflict(error) or attempt == _ATTEMPTS - 1:
                        raise
                else:
                    return True
        return False

    def remove(self, key: str) -> None:
        """Remove an object; what does not exist is removed already."""
        with client_errors(self.where(key)):
            self._client.call_s3("delete_object", Bucket=self._bucket, Key=self._name(key))

    def names(self, key: str) -> list[str]:
        """Return the names directly under a folder, sorted."""
        start = self._start(key)
        found = set()
        for page in self._pages(key, Delimiter="/"):
            found |= {entry["Prefix"][len(start) :].rstrip("/") for entry in page.get("CommonPrefixes", ())}
            found |= {entry["Key"][len(start) :] for entry in page.get("Contents", ())}
        return sorted(found - {""})

    def below(self, key: str) -> list[Found]:
        """Return all objects below a folder."""
        skipped = len(self._start(""))
        return [
            Found(entry["Key"][skipped:], entry["Size"], _seconds(entry["LastModified"]), entry["ETag"])
            for page in self._pages(key)
            for entry in page.get("Contents", ())
        ]

    def now(self) -> float:
        """Return what the object store's clock says now, in whole seconds."""
        with client_errors(self.where()):
            answer = self._client.call_s3("list_objects_v2", Bucket=self._bucket, Prefix=self._start(""), MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if date is None:
            raise StorageError(
                "the object store does not say what time it is",
                expected="answers with a Date, as HTTP asks for",
                where=self.where(),
                remedy="let no proxy remove the Date of answers",
            )
        return parsedate_to_datetime(date).timestamp()

    def _pages(self, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        arguments |= {"Bucket": self._bucket, "Prefix": self._start(key)}
        more: dict[str, str] = {}
        while True:
            with client_errors(self.where(key)):
                page = self._client.call_s3("list_objects_v2", **arguments, **more)
            yield page
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _send(self, key: str, content: bytes | Path, **arguments: Any) -> None:
        if isinstance(content, Path):
            arguments |= {"chunksize": _PART_BYTES, "max_concurrency": _PARTS_AT_ONCE}
            self._client.put_file(str(content), self._full(key), **arguments)
        else:
            self._client.pipe_file(self._full(key), content, **arguments)

    def _name(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _full(self, key: str) -> str:
        return f"{self._bucket}/{self._name(key)}"

    def _start(self, key: str) -> str:
        """Return what the names of all objects below a folder begin with."""
        name = self._name(key).rstrip("/")
        return f"{name}/" if name else ""


@lru_cache(maxsize=4)
def _client(process: int, environment: int) -> Any:
    """Return the client of this process and of these AWS variables: making one takes a good part of a second.

    The cache of s3fs goes by arguments alone, and would hand a client of one endpoint to users of another.
    """
    s3fs = require("s3fs", "s3")
    return s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


def _seconds(time: datetime) -> float:
    return time.timestamp()


def _parsed(url: str) -> tuple[str, str]:
    """Return bucket and prefix of a URL; where it is none, the message does not repeat it: a secret may stand in it."""
    bucket, _, prefix = url.removeprefix(_SCHEME).partition("/")
    parts = [part for part in prefix.split("/") if part]
    odd = set("@:?#") & set(bucket + prefix)
    if not url.startswith(_SCHEME) or not bucket or odd or ".." in parts:
        raise InputError(
            "the URL of the store has no bucket, or a part that is no bucket or prefix",
            expected="s3://bucket/prefix",
            remedy="endpoint and credentials come from the usual AWS variables and files, such as AWS_ENDPOINT_URL",
        )
    return bucket, "/".join(parts)
