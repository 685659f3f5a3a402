"""Unicode normalisation and trimming, on Arrow columns."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sphering.config.model import NormaliseConfig


def normalise(texts: pa.Array, config: NormaliseConfig) -> pa.Array:
    """Return the texts as they are hashed and encoded.

    Parameters
    ----------
    texts : (n,) string
        Valid UTF-8; nulls stay null.
    config : NormaliseConfig
        The Unicode form (Unicode Standard Annex 15) and whether white space at both ends goes; the form comes
        first, since NFKC turns other characters into spaces.

    Returns
    -------
    (n,) string
    """
    if config.unicode != "none":
        texts = pc.utf8_normalize(texts, form=config.unicode)
    if config.strip:
        texts = pc.utf8_trim_whitespace(texts)
    return texts


def changes(config: NormaliseConfig) -> bool:
    """Return whether `normalise` may change any text."""
    return config.unicode != "none" or config.strip


def is_blank(texts: pa.Array) -> pa.Array:
    """Return which texts, (n,) string, are empty or white space only, as (n,) bool."""
    return pc.or_(pc.equal(pc.binary_length(texts), 0), pc.utf8_is_space(texts))
