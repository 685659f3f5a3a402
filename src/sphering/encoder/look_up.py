"""Encoders that look vectors up, and what of them a store keeps to notice that they changed.

Such an encoder cannot encode the probe's fixed texts. Its probe holds, of the texts of smallest hash at its first use,
the hash and that of the vector: no text and no vector of a document that `sphering purge` may have to erase.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sphering.encoder.protocol import Encoder
from sphering.errors import ProbeError
from sphering.identity import canonical_json, digest, sha256_bytes

COUNT = 64


@runtime_checkable
class LookUp(Encoder, Protocol):
    """An encoder that has vectors of some texts alone."""

    def smallest_hashes(self, count: int) -> list[str]:
        """Return the smallest hashes (64 hex digits) of texts that have a vector, at most `count`."""

    def vectors_of(self, hashes: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which texts, by their hashes, have a vector, (n,) bool, and these vectors, (k, d) float32."""


@dataclass(frozen=True)
class LookUpProbe:
    """What a store keeps of a look-up's first use.

    Attributes
    ----------
    vector_hashes : dict
        SHA-256 of the vector's float32 bytes by that of the text, in hexadecimal digits.
    dimension : int
    encoder : str
        The encoder's id.
    profile : dict
        The compute profile of the first use.
    """

    vector_hashes: dict[str, str]
    dimension: int
    encoder: str
    profile: dict[str, Any]

    @property
    def seal(self) -> str:
        """The SHA-256 of all that it says."""
        return digest({name: getattr(self, name) for name in self.__dataclass_fields__})


def measure_look_up(encoder: LookUp, profile: dict[str, Any]) -> LookUpProbe:
    """Return the probe of a look-up as it is now."""
    return LookUpProbe(
        _vector_hashes(encoder, encoder.smallest_hashes(COUNT)), encoder.dimension, encoder.identity.id, profile
    )


def compare_look_up(stored: LookUpProbe, encoder: LookUp, place: str) -> int:
    """Return how many texts of the probe still have a vector, each of them the one that it had.

    Raises
    ------
    ProbeError
        If one has another, in any bit.
    """
    fresh = _vector_hashes(encoder, list(stored.vector_hashes))
    changed = [text for text, vector in fresh.items() if vector != stored.vector_hashes[text]]
    if changed:
        raise ProbeError(
            f"the vectors of {place} changed under their identity: {len(changed)} of {len(fresh)} texts of the probe "
            f"have another vector than at its first use",
            expected="the same vector for the same text, whatever rows come and go",
            where=f"texts with SHA-256 {', '.join(text[:12] + '…' for text in changed[:3])}",
            remedy="declare another `identity` for vectors of another model, or put the former ones back",
        )
    return len(fresh)


def write_look_up_probe(probe: LookUpProbe) -> bytes:
    """Return a probe as the bytes of a Parquet file: text_hash, vector_hash; the rest in its metadata."""
    metadata = {
        "sphering.encoder": probe.encoder.encode(),
        "sphering.profile": canonical_json(probe.profile),
        "sphering.dimension": str(probe.dimension).encode(),
        "sphering.sha256": probe.seal.encode(),
    }
    columns = {"text_hash": list(probe.vector_hashes), "vector_hash": list(probe.vector_hashes.values())}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd", use_dictionary=False)
    return sink.getvalue()


def _vector_hashes(encoder: LookUp, hashes: Sequence[str]) -> dict[str, str]:
    known, vectors = encoder.vectors_of(hashes)
    texts = [text for text, there in zip(hashes, known, strict=True) if there]
    return {text: sha256_bytes(vector.tobytes()) for text, vector in zip(texts, vectors, strict=True)}
