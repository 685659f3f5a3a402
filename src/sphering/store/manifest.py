"""A snapshot's manifest: which shards belong to it, and what is known of its documents without reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sphering.identity import short_id

SNAPSHOT_VERSION = 1


def snapshot_id(corpus: str, encoder: str, content_digest: str) -> str:
    """Return the id of a snapshot: of what it holds, not of how it came to be."""
    return short_id({"corpus": corpus, "encoder": encoder, "content_digest": content_digest, "v": SNAPSHOT_VERSION})


class ShardEntry(NamedTuple):
    """What a manifest says of one shard; a tuple, because lists of snapshots make a hundred thousand of them."""

    id: str
    rows: int
    dropped: int
    bytes: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return self._asdict()


@dataclass(frozen=True)
class SnapshotManifest:
    """What belongs to a snapshot's documents.

    `truncated` counts documents cut at the encoder's length limit, `tokens` their tokens before the cut, `unknown`
    the tokens that the vocabulary lacks (both None where the encoder cannot say). `chunk` is what decided where source
    documents were cut (None, and absent from the JSON, where they are whole).
    """

    id: str
    corpus: str
    encoder: str
    encoder_document: dict[str, Any]
    dimension: int
    content_digest: str
    documents: int
    texts: int
    tokens: int | None
    unknown: int | None
    truncated: int
    keep_text: bool
    labels: tuple[str, ...]
    metadata: tuple[str, ...]
    shards: tuple[ShardEntry, ...]
    dropped_sha256: str | None
    created_at: str
    run: str
    chunk: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as plain JSON values."""
        names = [name for name in self.__dataclass_fields__ if name != "chunk" or self.chunk is not None]
        return {
            **{name: getattr(self, name) for name in names if name != "shards"},
            "labels": list(self.labels),
            "metadata": list(self.metadata),
            "shards": [entry.to_json() for entry in self.shards],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> SnapshotManifest:
        """Return the manifest that `to_json` wrote."""
        fields = dict(document)
        fields["shards"] = tuple(ShardEntry(**entry) for entry in fields["shards"])
        fields["labels"] = tuple(fields["labels"])
        fields["metadata"] = tuple(fields["metadata"])
        return cls(**fields)
