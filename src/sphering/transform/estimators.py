"""The affine part of each transform as a scikit-learn estimator, fitted by the code that fits a configuration.

They stream: `partial_fit` adds a batch to moments of 8 d² bytes, whatever n, and the map is computed from them when it
is asked for. They do not normalise: what `Transform.apply` adds has no inverse.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.gram import Array
from sphering.geometry.moments import Moments
from sphering.transform.affine import Transform
from sphering.transform.application import affine_image
from sphering.transform.fit import AffineMap, fit, fit_map
from sphering.transform.forms import KEEPS_AXES

_FLOATS = (np.float64, np.float32, np.float16)


class AffineEstimator(TransformerMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A map z = (x − mean) M fitted on the moments of what it was given; zero rows are left out of the fit.

    Rows are (n, d), and (n, k) under the map. Another shape is refused with a ValueError, and so are rows that are not
    finite where they are fitted on or transformed.

    Attributes
    ----------
    moments_ : Moments
        Of all rows since the last `fit`.
    n_features_in_ : int
        d. What else ends in `_` is a property, read off the `AffineMap` of these moments.
    """

    moments_: Moments

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Forget what was fitted, and fit on these rows; `y` is ignored.

        Raises
        ------
        ValueError
            If there are too few rows, or they have no variance where the map needs it.
        """
        self._count(X, first=True)
        self._fitted_map()
        # As arrays, without the buffer of the unfinished block: what is pickled has 8 d² bytes.
        self.moments_ = Moments.from_arrays(self.moments_.to_arrays())
        return self

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Count rows in, of one dimension; `y` is ignored.

        The map is that of all rows since the last `fit`, and what it refuses it refuses when it is next asked for.
        """
        self._count(X, first=not hasattr(self, "moments_"))
        return self

    def transform(self, X: ArrayLike) -> Array:
        """Return (x − mean) M of each row, (n, k) float64; a row's bits do not depend on the rows around it."""
        affine = self._fitted_map()
        rows = validate_data(self, X, dtype=_FLOATS, reset=False)
        return affine_image(rows, affine.mean, affine.matrix)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """Return z M⁺ + mean of each row, (n, d) float64: what was transformed, projected onto the retained space."""
        affine = self._fitted_map()
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._n_features_out:
            raise ValueError(f"an array of shape {rows.shape}; expected (n, {self._n_features_out})")
        return affine_image(rows, np.zeros(rows.shape[1]), affine.inverse) + affine.mean

    def to_transform(self, *, encoder: str, snapshot: str) -> Transform:
        """Return what was fitted as a `Transform`, which normalises and can be stored.

        Parameters
        ----------
        encoder, snapshot : str
            Ids of the encoder whose vectors it was fitted on, and of the snapshot that holds them.
        """
        check_is_fitted(self)
        return fit(self._config(), self.moments_, encoder=encoder, snapshot=snapshot)

    @property
    def mean_(self) -> Array:
        """What is subtracted, (d,) float64."""
        return self._fitted_map().mean

    @property
    def matrix_(self) -> Array | None:
        """What rows are multiplied by, (d, k) float64; None is the identity."""
        return self._fitted_map().matrix

    @property
    def inverse_(self) -> Array | None:
        """What takes rows back, (k, d) float64; None is the identity."""
        return self._fitted_map().inverse

    @property
    def rank_(self) -> int:
        """Directions of the covariance that the map keeps."""
        return self._fitted_map().rank

    @property
    def shrinkage_(self) -> float:
        """Share of (tr S/d) I in the covariance that was inverted."""
        return self._fitted_map().shrinkage

    @property
    def spectrum_(self) -> Array:
        """Eigenvalues of the covariance, (d,) float64, descending."""
        return self._fitted_map().spectrum

    @property
    def warnings_(self) -> tuple[str, ...]:
        """What a reader should know about the fit."""
        return self._fitted_map().warnings

    @property
    def _n_features_out(self) -> int:
        matrix = self._fitted_map().matrix
        return int(self.n_features_in_ if matrix is None else matrix.shape[1])

    @abstractmethod
    def _config(self) -> TransformConfig:
        """Return the settings as the configuration has them."""

    def _count(self, X: ArrayLike, *, first: bool) -> None:
        rows = validate_data(self, X, dtype=_FLOATS, reset=first)
        if first:
            self.moments_ = Moments.empty(rows.shape[1])
        self.moments_.update(rows)
        self._affine: AffineMap | None = None

    def _fitted_map(self) -> AffineMap:
        check_is_fitted(self)
        if self._affine is None:
            try:
                self._affine = fit_map(self._config(), self.moments_)
            except InputError as error:
                raise ValueError(
                    f"{error} (n_samples = {self.moments_.n}, n_features = {self.n_features_in_})"
                ) from error
        return self._affine


class Centring(OneToOneFeatureMixin, AffineEstimator):  # type: ignore[misc]
    """Subtract the mean."""

    def _config(self) -> TransformConfig:
        return TransformConfig(kind="center")


class Standardisation(OneToOneFeatureMixin, AffineEstimator):  # type: ignore[misc]
    """Subtract the mean and divide by each coordinate's standard deviation; coordinates without variance become 0."""

    def _config(self) -> TransformConfig:
        return TransformConfig(kind="standard")


class AllButTheTop(OneToOneFeatureMixin, AffineEstimator):  # type: ignore[misc]
    """Subtract the mean and remove the first principal directions (Mu & Viswanath 2018).

    Parameters
    ----------
    components : int
        How many directions are removed.
    """

    def __init__(self, components: int = 1) -> None:
        self.components = components

    def _config(self) -> TransformConfig:
        return TransformConfig(kind="abtt", components=self.components)


class Whitening(ClassNamePrefixFeaturesOutMixin, AffineEstimator):  # type: ignore[misc]
    """Subtract the mean and multiply by a power of the inverse covariance.

    Parameters
    ----------
    form : {"zca", "pca", "cholesky", "zca-cor", "pca-cor"}
    power : float
        γ of Λ^(−γ/2): 0 centres, 1 whitens fully.
    shrinkage : float, "ledoit-wolf" or "oas"
        Share of (tr S/d) I in the covariance.
    soft : float
        α of (S + α (tr S/d) I)^(−1/2).
    dimension : int, optional
        Principal directions that are kept.
    """

    def __init__(
        self,
        form: Literal["zca", "pca", "cholesky", "zca-cor", "pca-cor"] = "zca",
        *,
        power: float = 1.0,
        shrinkage: float | Literal["ledoit-wolf", "oas"] = 0.0,
        soft: float = 0.0,
        dimension: int | None = None,
    ) -> None:
        self.form = form
        self.power = power
        self.shrinkage = shrinkage
        self.soft = soft
        self.dimension = dimension

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the input for forms that keep the axes, else `whitening0`, `whitening1` and so on."""
        kind = OneToOneFeatureMixin if self.form in KEEPS_AXES else ClassNamePrefixFeaturesOutMixin
        names: NDArray[np.object_] = kind.get_feature_names_out(self, input_features)
        return names

    def _config(self) -> TransformConfig:
        return TransformConfig(
            kind="whiten",
            form=self.form,
            power=self.power,
            shrinkage=self.shrinkage,
            soft=self.soft,
            dimension=self.dimension,
        )
