"""Why a row became no document: one word each, as it stands in quarantine.parquet and in run records."""

from __future__ import annotations

from typing import Final

NULL: Final = "null"
EMPTY: Final = "empty"
INVALID_UTF8: Final = "invalid-utf8"
NUL: Final = "nul"
SURROGATE: Final = "surrogate"
MALFORMED: Final = "malformed"
TOO_LONG: Final = "too-long"
MISSING_ID: Final = "missing-id"
WRONG_TYPE: Final = "wrong-type"
UNCLEAR_DELETED: Final = "unclear-deleted"
PURGED: Final = "purged"
ENCODER_REFUSED: Final = "encoder-refused"

REASONS: Final = (
    NULL,
    EMPTY,
    INVALID_UTF8,
    NUL,
    SURROGATE,
    MALFORMED,
    TOO_LONG,
    MISSING_ID,
    WRONG_TYPE,
    UNCLEAR_DELETED,
    PURGED,
    ENCODER_REFUSED,
)
