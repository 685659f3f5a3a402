"""Raw vectors of one encoder to the unit vectors of its index, with NumPy and `transform.npz` beside this file.

    from apply import apply

    queries = apply(raw, encoder="0123456789abcdef")

Search the result by inner product, in an index of transformed vectors. Where an index holds the transform inside, as
the FAISS export of sphering does, give it the raw vectors instead.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def apply(vectors: ArrayLike, encoder: str | None = None) -> NDArray[np.float32]:
    """Return normalise((x - mean) W) for each row x: (n, k) float32 rows of length 1.

    Parameters
    ----------
    vectors : array_like, shape (n, d)
        As the encoder gave them, of queries with the query prompt in front.
    encoder : str, optional
        The id of the encoder that made them, to be checked.

    Raises
    ------
    ValueError
        If another encoder made them, or they cannot be of this one by their lengths or by coordinates that it never
        moves; if the dimension is wrong, a number is not finite, or nothing but rounding noise is left of a row.
    """
    t = _transform()
    _check(encoder in (None, str(t["encoder"])), f"vectors of the encoder {encoder}, not of {t['encoder']}")
    x = np.asarray(vectors, dtype=np.float32).astype(np.float64)
    _check(x.ndim == 2 and x.shape[1] == len(t["mean"]), f"shape {x.shape}, not (n, {len(t['mean'])})")
    _check(bool(np.isfinite(x).all()), "a number is NaN or infinite")
    lengths = np.linalg.norm(x, axis=1)
    moved = ((x - t["fitted_mean"])[:, t["dead"]] ** 2).mean(axis=0) if len(x) else np.zeros(0)
    usual = not len(x) or t["least_square"] <= (lengths**2).mean() <= t["most_square"]
    _check(bool(usual and (moved <= t["most_dead_square"]).all()), "vectors that are not of this encoder")
    z = (x - t["mean"]) @ t["matrix"] if "matrix" in t else x - t["mean"]
    norms = np.linalg.norm(z, axis=1)
    _check(bool(((norms > t["noise"] * lengths) & (lengths > 0)).all()), "the transform leaves nothing of a vector")
    unit: NDArray[np.float32] = (z / norms[:, None]).astype(np.float32)
    return unit


@cache
def _transform() -> dict[str, NDArray[Any]]:
    with np.load(Path(__file__).with_name("transform.npz")) as file:
        return {name: file[name] for name in file.files}


def _check(fine: bool, what: str) -> None:
    if not fine:
        raise ValueError(what)
