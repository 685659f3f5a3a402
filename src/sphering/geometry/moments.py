"""The mergeable state that most metrics and every transform are computed from.

Float64 sums over raw vectors (about the first block's mean) and over their unit vectors, in fixed blocks of 8192 rows,
so that nothing depends on how the batches arrived. Rows that are not finite or zero are counted and left out. A row may
count for a weight: then every sum has each row so many times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.errors import FormatError, InputError
from sphering.geometry.blas import one_blas_thread
from sphering.geometry.block import BLOCK_ROWS, OpenBlock, Taken
from sphering.geometry.extremes import Extremes
from sphering.geometry.gram import Array, Gram
from sphering.geometry.sums import Sums

MOMENTS_VERSION = 4
LEAST_WEIGHT, GREATEST_WEIGHT = 1e-100, 1e100  # squares of weights and their sums stay far inside float64
_ONE_HAS_ALL = 1e-9
_HALF_ULP = {"float16": 2.0**-11, "float32": 2.0**-24, "float64": 2.0**-53}


def half_ulp(dtype: np.dtype[Any]) -> float:
    """Return the relative rounding error of one stored number of `dtype`.

    Raises
    ------
    InputError
        If the numbers are not float16, float32 or float64.
    """
    try:
        return _HALF_ULP[dtype.name]
    except KeyError:
        raise InputError(
            f"vectors are stored as {dtype.name}",
            expected="float16, float32 or float64",
            remedy="cast the vectors to float32",
        ) from None


def merged(parts: Iterable[Moments]) -> Moments:
    """Return the state of all parts, merged in the order given; one BLAS thread fixes the bits.

    Raises
    ------
    InputError
        If there is no part.
    """
    whole: Moments | None = None
    for part in parts:
        with one_blas_thread():
            whole = part if whole is None else whole.merge(part)
    if whole is None:
        raise InputError("no moments to merge", expected="those of one shard at least")
    return whole


class Moments:
    """Sufficient statistics of a set of d-dimensional vectors.

    Make one with `Moments.empty(d)`, feed it with `update`, combine shards with `merged` in a fixed order.
    """

    def __init__(self, sums: Sums, extremes: Extremes, counts: tuple[int, int], ulp: float) -> None:
        self._sums, self._extremes = sums, extremes
        self.non_finite, self.zero = counts
        self.ulp = ulp
        self._block: OpenBlock | None = None
        self._closed: Sums | None = None

    @classmethod
    def empty(cls, dimension: int) -> Moments:
        """Return the state of no vectors of `dimension` coordinates."""
        if dimension < 1:
            raise InputError(f"a dimension of {dimension}", expected="at least 1")
        return cls(Sums.empty(dimension), Extremes.of(np.empty(0)), (0, 0), 0.0)

    # -- what it says ------------------------------------------------------------------------------------------

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return len(self._sums.gram.pivot)

    @property
    def n(self) -> int:
        """Number of vectors counted in: finite, not zero, and of a weight above 0."""
        return self._extremes.n

    @property
    def weight(self) -> float:
        """Sum W of the vectors' weights: n where each counts once."""
        return self.gram.weight

    @property
    def squared_weights(self) -> float:
        """Σw²: n where each vector counts once."""
        return self._close().squares

    @property
    def effective_n(self) -> float:
        """How many vectors of equal weight have means of this variance, W²/Σw² (Kish 1965): n for equal weights."""
        return self.weight * (self.weight / self.squared_weights) if self.n else 0.0

    @property
    def pair_weight(self) -> float:
        """Σ of w w' over all ordered pairs of different vectors, W² − Σw²: n(n − 1) where each counts once."""
        return self.weight * self._freedom()

    @property
    def one_has_all(self) -> bool:
        """Whether one vector has all the weight but a billionth: then there is no pair, and no covariance."""
        return self._freedom() <= _ONE_HAS_ALL * self.weight

    @property
    def rows(self) -> int:
        """Number of vectors seen, those left out included, but for those of weight 0."""
        return self.n + self.non_finite + self.zero

    @property
    def norm_range(self) -> tuple[float, float] | None:
        """Smallest and largest norm; None where there are no vectors."""
        return self._extremes.range

    @property
    def norm_mean(self) -> float | None:
        """Mean norm; None where there are no vectors."""
        return self._close().norm / self.weight if self.n else None

    @property
    def mean(self) -> Array:
        """Mean of the raw vectors, shape (d,), float64.

        Raises
        ------
        InputError
            If there are no vectors.
        """
        self._need(1)
        return self.gram.mean

    @property
    def covariance(self) -> Array:
        """Sample covariance of the raw vectors, shape (d, d), float64.

        Σ w (x − mean)(x − mean)' over W − Σw²/W, as `numpy.cov` with `aweights`: n − 1 where each counts once.

        Raises
        ------
        InputError
            If there are fewer than two vectors, or one of them has all the weight.
        """
        self._need(2)
        if self.one_has_all:
            raise InputError(
                f"one of {self.n} vectors has all the weight but a billionth",
                expected="weights under which several vectors count",
                remedy="look at the largest weight, or count each vector once",
            )
        d = self.dimension
        return self.gram.centred.matrix[:d, :d] / self._freedom()

    @property
    def mean_square(self) -> float:
        """E‖x‖² of the raw vectors; 0 where there are none."""
        return self.gram.mean_square

    @property
    def fourth_central(self) -> float:
        """Σ w ‖x − mean‖⁴ of the raw vectors."""
        d = self.dimension
        return float(self.gram.centred.matrix[d, d])

    @property
    def unit_sum(self) -> Array:
        """Weighted sum s of the unit vectors, shape (d,), float64."""
        return self._close().unit[:-1, -1]

    @property
    def unit_gram(self) -> Array:
        """G = Σ w u u' of the unit vectors, shape (d, d), float64."""
        return self._close().unit[:-1, :-1]

    @property
    def gram(self) -> Gram:
        """The power sums of the raw vectors."""
        return self._close().gram

    def _freedom(self) -> float:
        """Return W − Σw²/W, what a covariance is divided by."""
        sums = self._close()
        return max(sums.gram.weight - sums.squares / sums.gram.weight, 0.0) if self.n else 0.0

    def _need(self, least: int) -> None:
        if self.n < least:
            raise InputError(
                f"{self.n} usable vectors ({self.non_finite} not finite, {self.zero} zero)",
                expected=f"at least {least}",
            )

    # -- how it grows ------------------------------------------------------------------------------------------

    def update(self, vectors: NDArray[Any], weights: NDArray[Any] | None = None) -> None:
        """Count vectors in.

        Parameters
        ----------
        vectors : ndarray, shape (n, d), float16, float32 or float64
            Rows with a NaN or an infinity, or of a norm above 1e70, count as not finite, those of a norm below 1e-70 as
            zero; they are left out.
        weights : ndarray, shape (n,), optional
            How much each row counts for; one of weight 0 is left out of everything. By default each counts once, to the
            bit as with weights of 1.

        Raises
        ------
        InputError
            If shape or type is none of these, or a weight is neither 0 nor between 1e-100 and 1e100.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise InputError(f"an array of shape {vectors.shape}", expected=f"(n, {self.dimension})")
        ulp = half_ulp(vectors.dtype)
        if weights is not None:
            vectors, weights = _weighted(vectors, weights)
        if not len(vectors):
            return
        self.ulp = max(self.ulp, ulp)
        self._closed = None
        if self._block is None:
            self._block = OpenBlock(self.dimension)
        while len(vectors):
            taken = self._block.take(vectors, weights)
            self._count(taken)
            vectors = vectors[taken.rows :]
            weights = None if weights is None else weights[taken.rows :]
            if self._block.filled == BLOCK_ROWS:
                self._sums = self._block.added_to(self._sums)
                self._block.filled = 0

    def _count(self, taken: Taken) -> None:
        """Note what one step of `update` left out, and the extremes of the norms that it kept."""
        self.non_finite += taken.non_finite
        self.zero += taken.zero
        if len(taken.norms):
            self._extremes = self._extremes.plus(Extremes.of(taken.norms))

    def _close(self) -> Sums:
        """Return the sums over everything seen; the unfinished block stays open for more rows."""
        if self._block is None or self._block.filled == 0:
            return self._sums
        if self._closed is None:
            self._closed = self._block.added_to(self._sums)
        return self._closed

    def merge(self, other: Moments) -> Moments:
        """Return the state of both sets of vectors; merge shards in a fixed order for fixed bits."""
        if other.dimension != self.dimension:
            raise InputError(f"moments of {other.dimension} dimensions", expected=f"{self.dimension} dimensions")
        counts = (self.non_finite + other.non_finite, self.zero + other.zero)
        extremes = self._extremes.plus(other._extremes)
        return Moments(self._close().plus(other._close()), extremes, counts, max(self.ulp, other.ulp))

    def without(self, part: Moments, *, norms: bool = True) -> Moments | None:
        """Return the state of these vectors less some of them, or None where it does not follow from the two states.

        It does not where the part is more than half, by number or by weight (the difference would lose digits), or has
        all of the smallest or all of the largest norms that are kept.

        Parameters
        ----------
        part : Moments
            Of some of these vectors.
        norms : bool, default True
            False: the smallest and the largest norm of what is left need not be told, and are not. A fit does without.
        """
        extremes = self._extremes.minus(part._extremes) if norms else Extremes.untold(self.n - part.n)
        if extremes is None or 2 * part.n > self.n or 2.0 * part.weight > self.weight:
            return None
        counts = (self.non_finite - part.non_finite, self.zero - part.zero)
        return Moments(self._close().minus(part._close()), extremes, counts, self.ulp)

    # -- how it is kept ----------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays, 8 d² bytes: of the symmetric matrices the upper triangles."""
        sums = self._close()
        gram, unit = sums.gram, sums.unit
        return {
            "counts": np.array([MOMENTS_VERSION, self.n, self.non_finite, self.zero], dtype=np.int64),
            "scalars": np.array([sums.norm, sums.squares, self.ulp]),
            "lowest": self._extremes.lowest.copy(),
            "highest": self._extremes.highest.copy(),
            "pivot": gram.pivot.copy(),
            "gram": gram.matrix[np.triu_indices(len(gram.matrix))],
            "unit": unit[np.triu_indices(len(unit))],
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Moments:
        """Return the state that `to_arrays` gave.

        Raises
        ------
        FormatError
            If another version of the product wrote it.
        """
        version, *counts = (int(value) for value in arrays["counts"])
        if version != MOMENTS_VERSION:
            raise FormatError(
                f"moments of version {version}",
                expected=f"version {MOMENTS_VERSION}",
                remedy="compute them again",
            )
        n, non_finite, zero = counts
        norm, squares, ulp = (float(value) for value in arrays["scalars"])
        d = len(arrays["pivot"])
        gram = Gram(np.array(arrays["pivot"]), _symmetric(arrays["gram"], d + 2))
        extremes = Extremes(n, np.array(arrays["lowest"]), np.array(arrays["highest"]))
        sums = Sums(gram, _symmetric(arrays["unit"], d + 1), norm, squares)
        return cls(sums, extremes, (non_finite, zero), ulp)


def _weighted(vectors: NDArray[Any], weights: NDArray[Any]) -> tuple[NDArray[Any], Array]:
    """Return the vectors of a weight above 0, and these weights as float64."""
    wide = np.asarray(weights, dtype=np.float64)
    if wide.shape != (len(vectors),):
        raise InputError(f"weights of shape {wide.shape} for {len(vectors)} vectors", expected="one each")
    counted = wide != 0.0
    bad = counted & ~((wide >= LEAST_WEIGHT) & (wide <= GREATEST_WEIGHT))
    if bad.any():
        raise InputError(
            f"a weight of {wide[int(np.argmax(bad))]:g}",
            expected=f"0, or a number between {LEAST_WEIGHT:g} and {GREATEST_WEIGHT:g}",
            where=f"row {int(np.argmax(bad))}",
        )
    return (vectors, wide) if counted.all() else (vectors[counted], wide[counted])


def _symmetric(triangle: Array, size: int) -> Array:
    """Return the symmetric matrix of an upper triangle."""
    matrix = np.empty((size, size))
    rows, columns = np.triu_indices(size)
    matrix[rows, columns] = matrix[columns, rows] = triangle
    return matrix
