"""The mergeable state that most metrics and every transform are computed from.

Float64 sums over raw vectors (about the first block's mean) and over their unit vectors, in fixed blocks of 8192 rows,
so that nothing depends on how the batches arrived. Rows that are not finite or zero are counted and left out.
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

MOMENTS_VERSION = 3
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

    def __init__(
        self, gram: Gram, unit: Array, counts: tuple[int, int], norms: tuple[Extremes, float], ulp: float
    ) -> None:
        self._gram = gram
        self._unit = unit
        self.non_finite, self.zero = counts
        self._extremes, self._norm_sum = norms
        self.ulp = ulp
        self._block: OpenBlock | None = None
        self._closed: tuple[Gram, Array] | None = None

    @classmethod
    def empty(cls, dimension: int) -> Moments:
        """Return the state of no vectors of `dimension` coordinates."""
        if dimension < 1:
            raise InputError(f"a dimension of {dimension}", expected="at least 1")
        gram = Gram(np.zeros(dimension), np.zeros((dimension + 2, dimension + 2)))
        return cls(gram, np.zeros((dimension + 1, dimension + 1)), (0, 0), (Extremes.of(np.empty(0)), 0.0), 0.0)

    # -- what it says ------------------------------------------------------------------------------------------

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return len(self._gram.pivot)

    @property
    def n(self) -> int:
        """Number of vectors counted in: finite and not zero."""
        return self._gram.n + (self._block.filled if self._block else 0)

    @property
    def rows(self) -> int:
        """Number of vectors seen, those left out included."""
        return self.n + self.non_finite + self.zero

    @property
    def norm_range(self) -> tuple[float, float] | None:
        """Smallest and largest norm; None where there are no vectors."""
        return self._extremes.range

    @property
    def norm_mean(self) -> float | None:
        """Mean norm; None where there are no vectors."""
        return self._norm_total() / self.n if self.n else None

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
        """Sample covariance of the raw vectors (ddof = 1), shape (d, d), float64.

        Raises
        ------
        InputError
            If there are fewer than two vectors.
        """
        self._need(2)
        d = self.dimension
        return self.gram.centred.matrix[:d, :d] / (self.n - 1)

    @property
    def mean_square(self) -> float:
        """E‖x‖² of the raw vectors; 0 where there are none."""
        return self.gram.mean_square

    @property
    def fourth_central(self) -> float:
        """Σ‖x − mean‖⁴ of the raw vectors."""
        d = self.dimension
        return float(self.gram.centred.matrix[d, d])

    @property
    def unit_sum(self) -> Array:
        """Sum s of the unit vectors, shape (d,), float64."""
        return self._close()[1][:-1, -1]

    @property
    def unit_gram(self) -> Array:
        """G = Σ u u' of the unit vectors, shape (d, d), float64."""
        return self._close()[1][:-1, :-1]

    @property
    def gram(self) -> Gram:
        """The power sums of the raw vectors."""
        return self._close()[0]

    def _need(self, least: int) -> None:
        if self.n < least:
            raise InputError(
                f"{self.n} usable vectors ({self.non_finite} not finite, {self.zero} zero)",
                expected=f"at least {least}",
            )

    # -- how it grows ------------------------------------------------------------------------------------------

    def update(self, vectors: NDArray[Any]) -> None:
        """Count vectors in.

        Parameters
        ----------
        vectors : ndarray, shape (n, d), float16, float32 or float64
            Rows with a NaN or an infinity, or whose norm over- or underflows float64, are counted and left out.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise InputError(f"an array of shape {vectors.shape}", expected=f"(n, {self.dimension})")
        ulp = half_ulp(vectors.dtype)
        if not len(vectors):
            return
        self.ulp = max(self.ulp, ulp)
        self._closed = None
        if self._block is None:
            self._block = OpenBlock(self.dimension)
        while len(vectors):
            taken = self._block.take(vectors)
            self._count(taken)
            vectors = vectors[taken.rows :]
            if self._block.filled == BLOCK_ROWS:
                self._norm_sum += self._block.norm_sum
                self._gram, self._unit = self._block.added_to(self._gram, self._unit)
                self._block.filled = 0

    def _count(self, taken: Taken) -> None:
        """Note what one step of `update` left out, and the extremes of the norms that it kept."""
        self.non_finite += taken.non_finite
        self.zero += taken.zero
        if len(taken.norms):
            self._extremes = self._extremes.plus(Extremes.of(taken.norms))

    def _norm_total(self) -> float:
        return self._norm_sum + (self._block.norm_sum if self._block else 0.0)

    def _close(self) -> tuple[Gram, Array]:
        """Return the sums over everything seen; the unfinished block stays open for more rows."""
        if self._block is None or self._block.filled == 0:
            return self._gram, self._unit
        if self._closed is None:
            self._closed = self._block.added_to(self._gram, self._unit)
        return self._closed

    def merge(self, other: Moments) -> Moments:
        """Return the state of both sets of vectors; merge shards in a fixed order for fixed bits."""
        if other.dimension != self.dimension:
            raise InputError(f"moments of {other.dimension} dimensions", expected=f"{self.dimension} dimensions")
        counts = (self.non_finite + other.non_finite, self.zero + other.zero)
        total = self._norm_total() + other._norm_total()
        norms = (self._extremes.plus(other._extremes), total)
        unit = self._close()[1] + other._close()[1]
        return Moments(self.gram.plus(other.gram), unit, counts, norms, max(self.ulp, other.ulp))

    def without(self, part: Moments) -> Moments | None:
        """Return the state of these vectors less some of them, or None where it does not follow from the two states.

        It does not where the part is more than half (the difference would lose digits), or has all of the smallest or
        all of the largest norms that are kept.
        """
        extremes = self._extremes.minus(part._extremes)
        if extremes is None or 2 * part.n > self.n:
            return None
        counts = (self.non_finite - part.non_finite, self.zero - part.zero)
        norms = (extremes, self._norm_total() - part._norm_total())
        return Moments(self.gram.minus(part.gram), self._close()[1] - part._close()[1], counts, norms, self.ulp)

    # -- how it is kept ----------------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as named arrays, 8 d² bytes: of the symmetric matrices the upper triangles."""
        gram, unit = self._close()
        return {
            "counts": np.array([MOMENTS_VERSION, self.non_finite, self.zero], dtype=np.int64),
            "norms": np.array([self._norm_total(), self.ulp]),
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
        version, non_finite, zero = (int(value) for value in arrays["counts"])
        if version != MOMENTS_VERSION:
            raise FormatError(
                f"moments of version {version}",
                expected=f"version {MOMENTS_VERSION}",
                remedy="compute them again",
            )
        total, ulp = (float(value) for value in arrays["norms"])
        d = len(arrays["pivot"])
        gram = Gram(np.array(arrays["pivot"]), _symmetric(arrays["gram"], d + 2))
        extremes = Extremes(gram.n, np.array(arrays["lowest"]), np.array(arrays["highest"]))
        return cls(gram, _symmetric(arrays["unit"], d + 1), (non_finite, zero), (extremes, total), ulp)


def _symmetric(triangle: Array, size: int) -> Array:
    """Return the symmetric matrix of an upper triangle."""
    matrix = np.empty((size, size))
    rows, columns = np.triu_indices(size)
    matrix[rows, columns] = matrix[columns, rows] = triangle
    return matrix
