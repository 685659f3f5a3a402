"""The fitted transform: an affine map with what it was fitted on, two files that pin each other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sphering.errors import FormatError, InputError, IntegrityError
from sphering.geometry.gram import Array
from sphering.geometry.moments import half_ulp
from sphering.geometry.spectrum import noise_level
from sphering.identity import canonical_json, check_seal, seal, sha256_bytes
from sphering.transform.application import apply_affine

TRANSFORM_VERSION = 2
JSON_NAME = "transform.json"
TENSORS_NAME = "transform.safetensors"
ARRAY_NAMES = ("mean", "matrix", "inverse", "spectrum", "fitted_mean", "fitted_covariance")
_LATER = ("shrinkage", "noise_level")  # what version 2 added to the JSON
Kind = Literal["none", "center", "standard", "abtt", "whiten"]


@dataclass(frozen=True, eq=False)
class Transform:
    """An affine map z = (x − mean) W, then normalisation.

    Parameters
    ----------
    kind : str
        none, center, standard, abtt or whiten: never auto, which is resolved before.
    parameters : dict
        What the configuration asked for, of this kind.
    encoder, fitted_on : str
        The encoder whose vectors it takes, and the snapshot that it was fitted on.
    n : int
        Vectors that it was fitted on.
    mean : ndarray, shape (d,), float64
        What is subtracted; zero for `none`.
    matrix : ndarray, shape (d, k), float64, or None
        W in row form; None is the identity.
    rank : int
        Directions of the fitted covariance that W keeps.
    spectrum : ndarray, shape (d,), float64
        Eigenvalues of the fitted covariance, descending.
    fitted_mean : ndarray, shape (d,), float64
    fitted_covariance : ndarray, shape (d, d), float64
        Moments of the snapshot that it was fitted on: what drift is measured against.
    dead : tuple of int
        Coordinates without variance.
    warnings : tuple of str
        What a reader should know about the fit.
    effective_n : float, optional
        How many vectors of equal weight tell as much (`Moments.effective_n`), where vectors were weighted.
    inverse : ndarray, shape (k, d), float64, or None
        What takes z back: `z @ inverse + mean` is x, projected onto the retained space. None is the identity, and for
        what version 1 fitted, which kept none.
    shrinkage : float
        The share of (tr S/d) I in the covariance that was inverted: given, or computed.
    choice : dict, optional
        How `auto` chose this kind, as JSON values: by the mean cosine, or by an evaluation, with the table of all
        candidates.
    noise_level : float
        Variance below which a direction or a coordinate counted as rounding.
    version : int
        Of the files. What an older version fitted keeps its bytes, and so its SHA-256.
    """

    kind: Kind
    parameters: dict[str, Any]
    encoder: str
    fitted_on: str
    n: int
    mean: Array
    matrix: Array | None
    rank: int
    spectrum: Array
    fitted_mean: Array
    fitted_covariance: Array
    dead: tuple[int, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    effective_n: float | None = None
    inverse: Array | None = None
    shrinkage: float = 0.0
    choice: dict[str, Any] | None = None
    noise_level: float = 0.0
    version: int = TRANSFORM_VERSION

    def __post_init__(self) -> None:
        for name in ARRAY_NAMES:
            array = getattr(self, name)
            if array is not None:
                kept = np.ascontiguousarray(array, dtype=np.float64).copy()
                kept.setflags(write=False)
                object.__setattr__(self, name, kept)

    @property
    def dimension_in(self) -> int:
        """Coordinates of the vectors that it takes."""
        return len(self.mean)

    @property
    def dimension_out(self) -> int:
        """Coordinates of the vectors that it gives."""
        return self.dimension_in if self.matrix is None else self.matrix.shape[1]

    def apply(self, vectors: NDArray[Any]) -> NDArray[np.float32]:
        """Return the transformed vectors with norm 1, or zero rows where nothing but rounding noise is left.

        The map and the normalisation are float64, cast last; a row's bits do not depend on the rows around it.

        Parameters
        ----------
        vectors : ndarray, shape (n, d), float16, float32 or float64

        Returns
        -------
        ndarray, shape (n, k), float32, C-contiguous

        Raises
        ------
        InputError
            If the shape does not fit or a row is not finite.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension_in:
            raise InputError(
                f"vectors of shape {vectors.shape}",
                expected=f"(n, {self.dimension_in}), as the encoder {self.encoder} gives them",
            )
        return apply_affine(vectors, self.mean, self.matrix)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (64 hex digits) of the sealed content: the transform's name in what depends on it."""
        return str(json.loads(self._files[JSON_NAME])["sha256"])

    def to_files(self) -> dict[str, bytes]:
        """Return the bytes of transform.json and transform.safetensors, by file name."""
        return dict(self._files)

    @cached_property
    def _files(self) -> dict[str, bytes]:
        from safetensors.numpy import save

        arrays = {name: getattr(self, name) for name in ARRAY_NAMES}
        data = save({name: array for name, array in arrays.items() if array is not None})
        return {JSON_NAME: canonical_json(seal(self._document(data))), TENSORS_NAME: data}

    def _document(self, tensors: bytes) -> dict[str, Any]:
        document = {
            "version": self.version,
            "kind": self.kind,
            "parameters": self.parameters,
            "encoder": self.encoder,
            "fitted_on": self.fitted_on,
            "n": self.n,
            **({} if self.effective_n is None else {"effective_n": self.effective_n}),
            **({} if self.choice is None else {"choice": self.choice}),
            "dimension_in": self.dimension_in,
            "dimension_out": self.dimension_out,
            "rank": self.rank,
            "dead": list(self.dead),
            "warnings": list(self.warnings),
            "tensors": {"file": TENSORS_NAME, "bytes": len(tensors), "sha256": sha256_bytes(tensors)},
        }
        later = {name: getattr(self, name) for name in _LATER}
        return document if self.version == 1 else {**document, **later}

    @classmethod
    def from_files(cls, document: bytes, tensors: bytes) -> Transform:
        """Return the transform that `to_files` gave.

        Raises
        ------
        IntegrityError
            If a byte of either file changed.
        FormatError
            If a newer version of the product wrote them.
        """
        content = _checked_document(document, tensors)
        from safetensors.numpy import load

        arrays = load(tensors)
        return cls(
            kind=content["kind"],
            parameters=content["parameters"],
            encoder=content["encoder"],
            fitted_on=content["fitted_on"],
            n=content["n"],
            mean=arrays["mean"],
            matrix=arrays.get("matrix"),
            rank=content["rank"],
            spectrum=arrays["spectrum"],
            fitted_mean=arrays["fitted_mean"],
            fitted_covariance=arrays["fitted_covariance"],
            dead=tuple(content["dead"]),
            warnings=tuple(content["warnings"]),
            effective_n=content.get("effective_n"),
            inverse=arrays.get("inverse"),
            choice=content.get("choice"),
            **(_of_version_1(content, arrays) if content["version"] == 1 else {name: content[name] for name in _LATER}),
            version=content["version"],
        )


def _of_version_1(content: dict[str, Any], arrays: dict[str, Array]) -> dict[str, float]:
    """Return what version 1 did not write down: its share was always given, its vectors always float32."""
    d, mean, covariance = content["dimension_in"], arrays["fitted_mean"], arrays["fitted_covariance"]
    mean_square = float(mean @ mean + np.trace(covariance))
    level = noise_level(max(float(arrays["spectrum"][0]), 0.0), d, mean_square, half_ulp(np.dtype(np.float32)))
    return {"shrinkage": float(content["parameters"].get("shrinkage", 0.0)), "noise_level": level}


def _checked_document(document: bytes, tensors: bytes) -> dict[str, Any]:
    """Return the content of transform.json once its seal and the tensors' SHA-256 are right."""
    try:
        content: dict[str, Any] = json.loads(document)
        check_seal(content, JSON_NAME)
        version, expected = content["version"], content["tensors"]["sha256"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"this JSON is no transform ({error})", where=JSON_NAME, remedy="restore the file from a backup"
        ) from error
    if version > TRANSFORM_VERSION:
        raise FormatError(
            f"a transform of version {version}",
            expected=f"at most version {TRANSFORM_VERSION}",
            where=JSON_NAME,
            remedy="install the newer sphering that wrote it",
        )
    if document != canonical_json(content):
        raise IntegrityError(
            "this JSON says what it said, in other bytes than were written",
            where=JSON_NAME,
            remedy="restore the file from a backup",
        )
    if sha256_bytes(tensors) != expected:
        raise IntegrityError(
            "the tensors' SHA-256 is not the one in transform.json",
            expected=expected,
            where=TENSORS_NAME,
            remedy="restore the file from a backup; it was changed after it was written",
        )
    return content
