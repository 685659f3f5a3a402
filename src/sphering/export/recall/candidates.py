"""What is worth trying on a corpus: index types by its size, and vectors in fewer bits and dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sphering.config.export import ExportConfig

_FEWEST_FOR_LISTS = 4096
_LARGEST_LISTS = 65536
_ENGINES = ("hnswlib", "usearch", "scann")


@dataclass(frozen=True)
class Candidate:
    """An export that is tried, under the name that a table of them has for it."""

    name: str
    config: ExportConfig


def candidates(n: int, d: int, *, indexes: Sequence[str] = ()) -> list[Candidate]:
    """Return the exports to try on n vectors of d dimensions.

    Parameters
    ----------
    n, d : int
    indexes : sequence of str, optional
        FAISS' factory strings; where there are some, these alone are tried.
    """
    if indexes:
        return [_faiss(index) for index in indexes]
    return [*map(_faiss, _factories(n, d)), *_engines(), *_vectors(d)]


def configured(configs: Sequence[ExportConfig]) -> list[Candidate]:
    """Return the exports of a configuration that lose anything."""
    return [Candidate(f"[[export]] {config.name}", config) for config in configs]


def _factories(n: int, d: int) -> list[str]:
    graphs = ["Flat", "SQfp16", "SQbf16", "SQ8", "HNSW16", "HNSW32", "HNSW32,SQ8"]
    if n < _FEWEST_FOR_LISTS:
        return graphs
    # 4 √n lists in powers of two, as FAISS' guidelines have it.
    lists = min(_LARGEST_LISTS, 2 ** round((16 * n).bit_length() / 2))
    return [
        *graphs,
        f"IVF{lists},Flat",
        f"IVF{lists},SQ8",
        f"IVF{lists},PQ{d // 8 if d % 8 == 0 else 1}x4fs,RFlat",
        f"PCA{d // 2},L2norm,HNSW32",
    ]


def _faiss(index: str) -> Candidate:
    return Candidate(f"faiss {index}", _table("faiss", index=index))


def _engines() -> list[Candidate]:
    keys: list[tuple[str, dict[str, str]]] = [
        *((name, {}) for name in _ENGINES),
        *(("usearch", {"dtype": dtype}) for dtype in ("bfloat16", "int8")),
    ]
    return [
        Candidate(" ".join((name, *given.values())), _table(name, **given))
        for name, given in keys
        if find_spec(name) is not None
    ]


def _vectors(d: int) -> list[Candidate]:
    coded: list[dict[str, Any]] = [
        {"dtype": "float16"},
        {"dtype": "int8", "scale": "vector"},
        {"dtype": "int8", "scale": "dimension"},
        {"dtype": "binary"},
        *({"truncate_dim": k} for k in sorted({max(1, d // 2), max(1, d // 4)}, reverse=True) if k < d),
    ]
    return [Candidate(_words(keys), _table("npy", **keys)) for keys in coded]


def _words(keys: dict[str, Any]) -> str:
    if "truncate_dim" in keys:
        return f"first {keys['truncate_dim']} dimensions"
    return f"{keys['dtype']} by {keys['scale']}" if "scale" in keys else str(keys["dtype"])


def _table(format_name: str, **keys: Any) -> ExportConfig:
    return ExportConfig.model_validate({"name": "tried", "format": format_name, **keys})
