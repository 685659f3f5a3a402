"""Built indexes as their users meet them: jobs over real text, and services of the library alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import ExportConfig
from sphering.export.matrix.assemble import make_matrix
from sphering.export.protocol import ExportJob
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform

# A probe of 3,172 texts lacks 1,000: what ships has half as many rows again for the same settings to look through, and
# its queries are among them.
PROBE_SLACK = 0.01
KEY = "corpora/tested/exports/0123456789abcdef"

# What every service does around its library: NumPy in, NumPy out, nothing of ours.
_SERVICE = """
import json, sys
import numpy as np
folder, queries, found = sys.argv[1:]
held = json.load(open(folder + "/search.json"))
unit = np.load(queries)
{search}
assert not any(name.startswith("sphering") for name in sys.modules)
np.savez(found, rows=rows, scores=scores)
"""


def job_of(
    table: dict[str, Any], snapshot: Snapshot, transform: Transform, folder: Path, queries: Any = None
) -> ExportJob:
    """Return the job of an [[export]] table; the matrix lies beside its scratch folder."""
    return ExportJob(
        config=ExportConfig.model_validate({"name": "tested", **table}),
        matrix=make_matrix(snapshot, transform, folder / f"matrix-{snapshot.manifest.documents}"),
        snapshot=snapshot,
        transform=transform,
        folder=folder / "scratch",
        queries=queries,
    )


def served(search: str, export: Path, unit: NDArray[np.float32], folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows and scores that a fresh process finds for unit queries.

    Parameters
    ----------
    search : str
        Lines that make `rows` and `scores` of `folder`, `held` (search.json) and `unit`.
    export : Path
    unit : ndarray, shape (q, d), float32
    folder : Path
        Scratch.
    """
    np.save(folder / "queries.npy", unit)
    script = _SERVICE.format(search=search)
    command = [sys.executable, "-I", "-c", script, export, folder / "queries.npy", folder / "found.npz"]
    subprocess.run(command, check=True)
    with np.load(folder / "found.npz") as found:
        return found["rows"].astype(np.int64), found["scores"]


def share_found(rows: NDArray[np.int64], unit: NDArray[np.float32], vectors: NDArray[np.float32]) -> float:
    """Return the recall of the rows that were found, by score: the naive way."""
    exact = unit.astype(np.float64) @ vectors.astype(np.float64).T
    least = np.sort(exact, axis=1)[:, -rows.shape[1]] - 1e-6
    return float((np.take_along_axis(exact, rows, axis=1) >= least[:, None]).mean())


def exact_scores(
    rows: NDArray[np.int64], unit: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the inner products of queries with the rows that were found for them."""
    return np.einsum("qkd,qd->qk", vectors[rows].astype(np.float64), unit.astype(np.float64))
