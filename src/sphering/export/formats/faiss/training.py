"""How many vectors a FAISS index must be trained on, asked before there are any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphering.config.export import FaissConfig
from sphering.errors import InputError
from sphering.export.formats.faiss.layers import layers, steps_before

_CODEBOOK = 256  # what OPQ learns its rotation with


def check_rows(index: Any, config: FaissConfig, rows: int, held_out: int, where: str) -> None:
    """Raise InputError where an empty index cannot be trained on so few vectors.

    Parameters
    ----------
    index
        Of a factory string.
    config : FaissConfig
    rows, held_out : int
        What the smallest build is trained on, and how many a probe leaves out for that.
    where : str
        Where the factory string stands.
    """
    least, what = max(_needs(index), default=(0, ""))
    if rows >= least:
        return
    probe = f", {held_out} more are the probe's queries" if held_out else ""
    raise InputError(
        f"FAISS cannot train {config.index!r} on {rows} vectors{probe}: it has {what}",
        expected=f"at least {least} vectors",
        where=where,
        remedy=f"choose an index without training, such as HNSW32, or at most IVF{max(1, rows // 39)} without PQ, OPQ "
        "and PCA",
    )


def _needs(index: Any) -> Iterator[tuple[int, str]]:
    """Yield how many vectors each part must see, and what it is: k-means and PCA want one a centroid or axis."""
    import faiss

    for layer in layers(index):
        if hasattr(layer, "nlist"):
            yield int(layer.nlist), f"{layer.nlist} lists"
        if hasattr(layer, "pq"):
            yield int(layer.pq.ksub), f"codebooks of {layer.pq.ksub} centroids"
        for step in steps_before(layer):
            if isinstance(step, faiss.OPQMatrix):
                yield _CODEBOOK, f"a rotation learnt with codebooks of {_CODEBOOK} centroids"
            elif isinstance(step, faiss.PCAMatrix):
                yield int(step.d_out), f"a projection on {step.d_out} principal axes"
