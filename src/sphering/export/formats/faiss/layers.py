"""The indexes inside a FAISS index, and what is asked of all of them: the metric and the search settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphering.errors import InputError
from sphering.export.protocol import Settings

SETTINGS = ("ef_search", "nprobe", "k_factor")
_INNER = ("index", "base_index", "refine_index", "storage", "quantizer")
_LOSSLESS = ("IndexFlat", "IndexFlatIP", "IndexHNSWFlat", "IndexNSGFlat", "IndexIVFFlat", "IndexRefineFlat")


def layers(index: Any) -> Iterator[Any]:
    """Yield an index and all indexes inside it, as their own classes.

    They are owned by the outermost index: whoever keeps a layer keeps that one too, or reads freed memory.
    """
    import faiss

    own = faiss.downcast_index(index)
    yield own
    for name in _INNER:
        inner = getattr(own, name, None)
        if isinstance(inner, faiss.Index):
            yield from layers(inner)


def steps_before(index: Any) -> list[Any]:
    """Return the transforms that an index puts in front of the one inside it, as their own classes; they are its."""
    import faiss

    if not isinstance(index, faiss.IndexPreTransform):
        return []
    chain: Any = index.chain
    return [faiss.downcast_VectorTransform(chain.at(position)) for position in range(chain.size())]


def check_metric(index: Any, factory: str, where: str) -> None:
    """Raise InputError unless every layer searches by inner product.

    FAISS ignores the metric for some strings: `HNSW32,PQ48` is an L2 index whatever was asked
    (https://github.com/facebookresearch/faiss/issues/1621).
    """
    import faiss

    wrong = [type(layer).__name__ for layer in layers(index) if layer.metric_type != faiss.METRIC_INNER_PRODUCT]
    if wrong:
        raise InputError(
            f"FAISS makes {factory!r} an index with another metric ({', '.join(wrong)})",
            expected="inner product, which is the cosine of unit vectors",
            where=where,
            remedy="choose another factory string, such as HNSW32, HNSW32,SQ8 or IVF256,Flat",
        )


def put_settings(index: Any, settings: Settings) -> None:
    """Set ef_search, nprobe and k_factor in every layer that has them; FAISS writes them with the index."""
    for layer in layers(index):
        if hasattr(layer, "hnsw") and "ef_search" in settings:
            layer.hnsw.efSearch = settings["ef_search"]
        if hasattr(layer, "nprobe") and "nprobe" in settings:
            layer.nprobe = min(settings["nprobe"], layer.nlist)
        if hasattr(layer, "k_factor") and "k_factor" in settings:
            layer.k_factor = settings["k_factor"]


def read_settings(index: Any) -> Settings:
    """Return the search settings that an index holds: ef_search of HNSW, nprobe of IVF, k_factor of refining layers."""
    found: Settings = {}
    for layer in layers(index):
        if hasattr(layer, "hnsw"):
            found["ef_search"] = int(layer.hnsw.efSearch)
        if hasattr(layer, "nprobe"):
            found["nprobe"] = int(layer.nprobe)
        if hasattr(layer, "k_factor"):
            found["k_factor"] = int(layer.k_factor)
    return found


def is_exact(index: Any) -> bool:
    """Return whether an index compares a query with every vector in float32."""
    import faiss

    return isinstance(faiss.downcast_index(index), faiss.IndexFlat)


def is_lossless(index: Any) -> bool:
    """Return whether an index keeps the vectors that were added bit by bit, in their own axes."""
    import faiss

    return type(faiss.downcast_index(index)).__name__ in _LOSSLESS
