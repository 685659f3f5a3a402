"""The probe: 64 fixed texts whose vectors pin what an identity cannot name.

At an encoder's first use they are stored; every worker encodes them again before it works.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.encoder.look_up import LookUp, LookUpProbe, compare_look_up
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.protocol import Encoder
from sphering.errors import IntegrityError, ProbeError, TextTooLongError
from sphering.identity import canonical_json, digest, sha256_bytes

__all__ = [
    "PROBE_TEXTS",
    "ProbeResult",
    "StoredProbe",
    "compare",
    "cosine_distances",
    "gives_its_probe",
    "measure",
    "read_any_probe",
    "read_look_up_probe",
    "read_probe",
    "write_probe",
]


@dataclass(frozen=True)
class ProbeResult:
    """How today's vectors of the probe stand to the stored ones.

    Attributes
    ----------
    equal : bool
        Whether every bit is the same.
    max_cosine_distance : float
        The largest 1 − cos between a stored and a fresh vector; 0 where the bits are equal.
    """

    equal: bool
    max_cosine_distance: float


@dataclass(frozen=True)
class StoredProbe:
    """What a store keeps of an encoder's first use.

    Attributes
    ----------
    vectors : (64, d) float32
    encoder : str
        The encoder's id.
    profile : dict
        The compute profile under which they were made.
    """

    vectors: NDArray[np.float32]
    encoder: str
    profile: dict[str, Any]

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])


def measure(encoder: Encoder) -> NDArray[np.float32]:
    """Return the vectors of the probe's texts as documents, (64, d) float32.

    Where a model takes no text as long as some of them, and nothing cuts those, they are halved until it does: what is
    pinned is the model.
    """
    try:
        return encoder.encode(PROBE_TEXTS).vectors
    except TextTooLongError:
        return np.concatenate([_halved(encoder, text) for text in PROBE_TEXTS])


def _halved(encoder: Encoder, text: str) -> NDArray[np.float32]:
    while True:
        try:
            return encoder.encode([text]).vectors
        except TextTooLongError:
            if len(text) == 1:
                raise
            text = text[: len(text) // 2]


def compare(stored: NDArray[np.float32], fresh: NDArray[np.float32], max_drift: float) -> ProbeResult:
    """Compare stored and fresh vectors of the probe.

    The distance is 1 − cos(u, v) = ‖u/‖u‖ − v/‖v‖‖² / 2 in float64, which keeps its digits near zero.

    Raises
    ------
    ProbeError
        If a distance exceeds `max_drift`, or the shapes differ, or one side alone is zero or not finite.
    """
    if stored.shape != fresh.shape:
        raise ProbeError(
            f"the encoder gives vectors of shape {fresh.shape}, its probe has {stored.shape}",
            expected="the shape that it gave at its first use",
            remedy="use the model of the first use, or another corpus or store for this one",
        )
    same = (stored.view(np.uint32) == fresh.view(np.uint32)).all(axis=1)
    if same.all():
        return ProbeResult(True, 0.0)
    distances = cosine_distances(stored[~same].astype(np.float64), fresh[~same].astype(np.float64))
    largest = float(distances.max())
    if not largest <= max_drift:
        worst = int(np.flatnonzero(~same)[int(distances.argmax())])
        raise ProbeError(
            f"the encoder no longer gives the vectors of its first use: cosine distance {largest:.3g} "
            f"on probe text {worst}",
            expected=f"at most {max_drift:.3g} ([encoder] max_drift)",
            where=f"{int((distances > max_drift).sum())} of {len(stored)} probe texts beyond it",
            remedy="run where the first run ran (same libraries, same kind of processor); where a hosted model has "
            "changed under its name, set another [encoder] revision: it is another encoder",
        )
    return ProbeResult(False, largest)


def cosine_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 − cos by row of two (n, d) arrays, as ‖a/‖a‖ − b/‖b‖‖² / 2; infinite where one has no direction."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        a = a / np.linalg.norm(a, axis=1, keepdims=True)
        b = b / np.linalg.norm(b, axis=1, keepdims=True)
        distances = ((a - b) ** 2).sum(axis=1) / 2
    return np.where(np.isnan(distances), np.inf, distances)


def write_probe(vectors: NDArray[np.float32], encoder: str, profile: dict[str, Any]) -> bytes:
    """Return a probe as the bytes of a Parquet file: text, embedding; encoder and profile in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    d = vectors.shape[1]
    embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), d)
    metadata = {
        "sphering.encoder": encoder.encode(),
        "sphering.profile": canonical_json(profile),
        "sphering.sha256": _seal(vectors, encoder, profile).encode(),
    }
    table = pa.table({"text": pa.array(PROBE_TEXTS, pa.string()), "embedding": embedding})
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd", use_dictionary=False)
    return sink.getvalue()


def read_probe(source: bytes | Path) -> StoredProbe:
    """Read a probe that `write_probe` wrote.

    Raises
    ------
    IntegrityError
        If it is no probe, or one of other texts.
    """
    stored = read_any_probe(source)
    if isinstance(stored, LookUpProbe):
        raise _unreadable(source, "this is the probe of an encoder that looks vectors up")
    return stored


def read_look_up_probe(source: bytes | Path) -> LookUpProbe:
    """Read a probe that `look_up.write_look_up_probe` wrote.

    Raises
    ------
    IntegrityError
        If it is none.
    """
    stored = read_any_probe(source)
    if isinstance(stored, StoredProbe):
        raise _unreadable(source, "this is the probe of an encoder that encodes any text")
    return stored


def read_any_probe(source: bytes | Path) -> StoredProbe | LookUpProbe:
    """Read the probe of any encoder.

    Raises
    ------
    IntegrityError
        If it is no probe, or one of other texts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(source) if isinstance(source, bytes) else source)
        metadata = table.schema.metadata or {}
        stored = _look_up_probe(table, metadata) if "vector_hash" in table.column_names else _probe(table, metadata)
        texts = table["text"].to_pylist() if isinstance(stored, StoredProbe) else None
    except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError) as error:
        raise _unreadable(source, f"the probe cannot be read: {error}") from error
    if texts is not None and tuple(texts) != PROBE_TEXTS:
        raise _unreadable(source, "the probe holds other texts than this version's")
    seal = stored.seal if isinstance(stored, LookUpProbe) else _seal(stored.vectors, stored.encoder, stored.profile)
    if seal.encode() != metadata.get(b"sphering.sha256"):
        raise _unreadable(source, "the probe's vectors, encoder or compute profile are not those that were written")
    return stored


def gives_its_probe(encoder: Encoder, stored: StoredProbe | LookUpProbe) -> bool:
    """Return whether an encoder gives here every bit of its probe."""
    if isinstance(stored, LookUpProbe) or isinstance(encoder, LookUp):
        return isinstance(stored, LookUpProbe) and isinstance(encoder, LookUp) and _is_as_it_was(encoder, stored)
    fresh = measure(encoder)
    return stored.vectors.shape == fresh.shape and bool((stored.vectors.view(np.uint32) == fresh.view(np.uint32)).all())


def _is_as_it_was(encoder: LookUp, stored: LookUpProbe) -> bool:
    try:
        return compare_look_up(stored, encoder, encoder.identity.place) > 0
    except ProbeError:
        return False


def _probe(table: Any, metadata: dict[bytes, bytes]) -> StoredProbe:
    column = table["embedding"].combine_chunks()
    vectors = column.values.to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)
    encoder, profile = metadata[b"sphering.encoder"].decode(), json.loads(metadata[b"sphering.profile"])
    return StoredProbe(np.ascontiguousarray(vectors, dtype=np.float32), encoder, profile)


def _look_up_probe(table: Any, metadata: dict[bytes, bytes]) -> LookUpProbe:
    return LookUpProbe(
        dict(zip(table["text_hash"].to_pylist(), table["vector_hash"].to_pylist(), strict=True)),
        int(metadata[b"sphering.dimension"]),
        metadata[b"sphering.encoder"].decode(),
        json.loads(metadata[b"sphering.profile"]),
    )


def _seal(vectors: NDArray[np.float32], encoder: str, profile: dict[str, Any]) -> str:
    """Return the SHA-256 of all that a probe says."""
    hashed = sha256_bytes(np.ascontiguousarray(vectors).tobytes())
    return digest({"encoder": encoder, "profile": profile, "texts": list(PROBE_TEXTS), "vectors": hashed})


def _unreadable(source: bytes | Path, what: str) -> IntegrityError:
    return IntegrityError(
        what,
        expected="a probe.parquet as it was written",
        where=str(source) if isinstance(source, Path) else None,
        remedy="restore it from a backup; without it nothing tells whether the encoder is still the same",
    )
