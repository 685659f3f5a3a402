"""What every encoder asks of a text before it reads it."""

from __future__ import annotations

from collections.abc import Sequence

from sphering.encoder.protocol import Role
from sphering.errors import InputError, ModelError


def checked(texts: Sequence[str], prompt: str) -> list[str]:
    """Return the texts behind their prompt.

    Ingest has quarantined such texts; this guards the other ways in. A C engine would stop at a NUL without a word.

    Raises
    ------
    InputError
        If a text holds a NUL or a lone surrogate; the message names its position.
    """
    prompted = [prompt + text for text in texts] if prompt else list(texts)
    try:
        "".join(prompted).encode()
        clean = not any("\0" in text for text in prompted)
    except UnicodeEncodeError:
        clean = False
    if not clean:
        raise _refusal(prompted)
    return prompted


def _refusal(texts: list[str]) -> InputError:
    bad = next(
        position
        for position, text in enumerate(texts)
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text)
    )
    return InputError(
        "a text holds a NUL or a lone surrogate, which is no text",
        expected="valid Unicode without U+0000",
        where=f"text {bad} of {len(texts)} given to the encoder",
        remedy="remove it from the text; `sphering run` quarantines such documents",
    )


def check_room(taken: int, longest: int | None, role: Role) -> None:
    """Refuse a prompt that leaves no room for a text.

    Parameters
    ----------
    taken : int
        The tokens of the prompt, with the special tokens.
    longest : int or None
        What the encoder reads.
    role : {"document", "query"}

    Raises
    ------
    ModelError
        If there is none: every text would have the same vector.
    """
    if longest is not None and taken >= longest:
        raise ModelError(
            f"the {role} prompt and the special tokens are {taken} tokens, and the encoder reads {longest}: every text "
            "would have the same vector",
            expected=f"fewer than {longest} tokens",
            where=f"[encoder] {role}_prompt and max_length",
            remedy="shorten the prompt, or raise max_length",
        )
