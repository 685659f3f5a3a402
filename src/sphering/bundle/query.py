"""Query texts to vectors that may meet the corpus: normalised, prompted, cut, encoded and transformed as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.config.model import NormaliseConfig
from sphering.differing import differing_words
from sphering.encoder.protocol import Encoder
from sphering.errors import IdentityError, InputError
from sphering.text.normalise import is_blank, normalise
from sphering.transform import Transform
from sphering.transform.guard import check_vectors


@dataclass(frozen=True)
class Bundle:
    """Encoder, query prompt, normalisation and transform of one release.

    Parameters
    ----------
    encoder : Encoder
        Opened with the release's query prompt, which it puts in front of every query.
    normalise : NormaliseConfig
        What was done to the corpus' texts.
    transform : Transform

    Raises
    ------
    IdentityError
        If the transform was fitted on vectors of another encoder.
    """

    encoder: Encoder
    normalise: NormaliseConfig
    transform: Transform

    def __post_init__(self) -> None:
        self.check_encoder(self.transform.encoder, what="the transform takes vectors")

    def encode(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return (q, k) float32 unit vectors in the space of the release's exports.

        Raises
        ------
        InputError
            If a query is empty, or the transform leaves nothing of its vector.
        """
        return self.apply(self.encode_raw(queries))

    def encode_raw(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return the encoder's (q, d) float32 vectors of queries: what an index with the transform inside takes.

        Raises
        ------
        InputError
            If a query is empty.
        """
        texts = normalise(pa.array(list(queries), pa.string()), self.normalise)
        blank = is_blank(texts).to_numpy(zero_copy_only=False).astype(bool)
        if blank.any():
            raise InputError("a query is empty", expected="a text", where=f"query {int(np.argmax(blank)) + 1}")
        return self.encoder.encode(texts.to_pylist(), role="query").vectors

    def apply(self, vectors: NDArray[np.float32], *, encoder: str | None = None) -> NDArray[np.float32]:
        """Return the transformed unit vectors, (q, k) float32, of raw vectors from elsewhere.

        Parameters
        ----------
        vectors : ndarray, shape (q, d), float32
        encoder : str, optional
            The id of the encoder that made them, where it is known.

        Raises
        ------
        IdentityError
            If another encoder made them.
        InputError
            If the dimension is wrong, a number is not finite, or the transform leaves nothing of a vector.
        """
        self.check(vectors, encoder=encoder)
        unit = self.transform.apply(vectors)
        lost = ~unit.any(axis=1)
        if lost.any():
            raise InputError(
                "the transform leaves nothing of a query's vector but rounding noise",
                where=f"query {int(np.argmax(lost)) + 1}",
                remedy="ask something else; this query is the mean of the corpus",
            )
        return unit

    def check(self, vectors: NDArray[Any], *, encoder: str | None = None) -> None:
        """Refuse vectors that are not this bundle's encoder's.

        Raises
        ------
        IdentityError
            If another encoder made them, or they cannot be of this one by their lengths and dead coordinates.
        InputError
            If the dimension is wrong or a number is not finite.
        """
        if encoder is not None:
            self.check_encoder(encoder)
        if vectors.ndim != 2 or vectors.shape[1] != self.transform.dimension_in:
            raise InputError(
                f"query vectors of shape {vectors.shape}",
                expected=f"(q, {self.transform.dimension_in}), as the encoder {self.encoder.identity.id} gives them",
            )
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            raise InputError(
                "a query vector holds NaN or infinity",
                expected="finite numbers",
                where=f"query {int(np.argmin(finite)) + 1}",
            )
        check_vectors(self.transform, vectors)

    def check_encoder(
        self, encoder: str, document: dict[str, Any] | None = None, *, what: str = "these vectors are"
    ) -> None:
        """Refuse another encoder's vectors, naming both encoders and what differs.

        Parameters
        ----------
        encoder : str
            The id of the encoder that made the vectors.
        document : dict, optional
            What that encoder is made of, such as a snapshot's `encoder_document`.

        Raises
        ------
        IdentityError
            If it is not this bundle's encoder.
        """
        own = self.encoder.identity
        if encoder == own.id:
            return
        differs = f"; they differ in {differing_words(own.document, document)}" if document else ""
        raise IdentityError(
            f"{what} of the encoder {encoder}",
            expected=f"the encoder {own.id} of this bundle{differs}",
            remedy="encode the queries with the encoder of the release, or search a release of theirs",
        )
