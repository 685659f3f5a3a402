"""Points and other items as JSON, put together from whole columns, in bodies that Qdrant accepts.

A server takes requests of up to 32 MB unless `service.max_request_size_mb` says otherwise
(https://github.com/qdrant/qdrant/blob/master/config/config.yaml).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sphering.export.codes import Code
from sphering.export.formats.joined import bytes_of, joined
from sphering.export.protocol import ExportJob

MAX_BODY = 32_000_000
LONGEST_NUMBER = 16
"""Bytes: nine digits, sign, point and exponent, and the comma behind."""
_BETWEEN = b",\n"
_ROWS = 2048  # as many vectors of 1,536 numbers are 3 million strings


def write_bodies(folder: Path, stem: str, around: tuple[bytes, bytes], items: Iterable[pa.Array]) -> list[str]:
    """Write items into numbered files, each a whole body below 32 MB; return their names.

    Parameters
    ----------
    folder : Path
    stem : str
        The name of a file up to its number.
    around : tuple of bytes
        What stands before and behind the items of a body.
    items : iterable of pyarrow.Array of large_binary
        JSON texts, each below 32 MB.
    """
    names = []
    for number, portion in enumerate(_portions(items)):
        names.append(f"{stem}-{number:05}.json")
        with (folder / names[-1]).open("wb") as target:
            target.write(around[0])
            target.write(b"".join(bytes_of(joined(_BETWEEN, part)) for part in portion)[len(_BETWEEN) :])
            target.write(around[1])
    return names


def points(job: ExportJob, code: Code) -> Iterator[pa.Array]:
    """Yield the rows of a job as points: id, vector, and the payload doc_id and metadata."""
    for documents, vectors in zip(job.rows.documents(_ROWS), job.rows.blocks(_ROWS), strict=True):
        stored = code.decode(code.encode(vectors), job.rows.d)
        yield joined(
            b'{"id":"',
            documents.column(2),
            b'","vector":[',
            _numbers(stored),
            b'],"payload":',
            payload(documents.column(1), documents.column(3)),
            b"}",
        )


def payload(doc_ids: pa.Array, metadata: pa.Array) -> pa.Array:
    """Return the payloads of documents; metadata is JSON."""
    return joined(b'{"doc_id":', quoted(doc_ids), b',"metadata":', metadata, b"}")


def ids(uuids: pa.Array) -> pa.Array:
    """Return the ids of points."""
    return joined(b'"', uuids, b'"')


def new_payloads(job: ExportJob) -> Iterator[pa.Array]:
    """Yield operations that give the rows of a job, each a point that is there, another payload."""
    for batch in job.rows.documents():
        fresh = payload(batch.column(1), batch.column(3))
        yield joined(b'{"overwrite_payload":{"payload":', fresh, b',"points":["', batch.column(2), b'"]}}')


def quoted(values: pa.Array) -> pa.Array:
    """Return strings as JSON strings."""
    # A line end within a string is escaped, so that one can separate them.
    texts = json.dumps(values.to_pylist(), ensure_ascii=False, separators=("\n", ":"))[1:-1]
    return pa.array(texts.split("\n") if len(values) else [], pa.large_string())


def _numbers(vectors: NDArray[np.float32]) -> pa.Array:
    """Return the rows of (m, d) as numbers with commas between, each in its shortest form that is the same float32."""
    numbers = pc.cast(pa.array(np.ascontiguousarray(vectors).ravel()), pa.string())
    offsets = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), numbers), ",")


def _portions(items: Iterable[pa.Array]) -> Iterator[list[pa.Array]]:
    """Yield items in portions that a body can hold."""
    waiting: list[pa.Array] = []
    size = 0
    for block in items:
        while len(block):
            ends = np.cumsum(pc.binary_length(block).to_numpy() + len(_BETWEEN))
            count = int(np.searchsorted(ends, MAX_BODY - size, side="right"))
            if count == 0:
                yield waiting
                waiting, size = [], 0
                continue
            waiting.append(block.slice(0, count))
            size += int(ends[count - 1])
            block = block.slice(count)
    if waiting:
        yield waiting
