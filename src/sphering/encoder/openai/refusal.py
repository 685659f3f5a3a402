"""What a server's refusal means: whether it may pass, whether one text is to blame, and what to do."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

import httpx
from pydantic import SecretStr

from sphering.encoder.openai.waiting import retry_after
from sphering.errors import ModelError, SpheringError, TextTooLongError

MAY_PASS = frozenset({408, 409, 425, 429})
OF_TEXTS = frozenset({400, 413, 422})
"""Said of what was sent: half of the texts may do."""
SPENT = "insufficient_quota"
TOO_LONG = re.compile(
    r"context length|input length|sequence length|max_length|(?<!took )(?<!taking )too (long|large|many tokens)"
    r"|must have less than|maximum (input|number of tokens|allowed length)|exceed\w* .{0,40}(token|length|context)",
    re.IGNORECASE,
)
TOO_LONG_SAID_WITH_500 = re.compile(
    r"too large to process|exceed\w* .{0,40}context|larger than .{0,20}context", re.IGNORECASE
)
"""As llama.cpp words it: other servers answer 500 where they are in trouble themselves."""
_SHOWN = 300
_EXCERPT = 60
_REMEDIES = {
    401: "the key is missing, wrong or revoked: set the environment variable that [encoder] api_key_env names",
    403: "the key may not use this model: give it access, or name another key",
    404: "check [encoder] model, and that base_url is what stands before /embeddings, such as http://localhost:8080/v1",
}
_OTHER = "ask the server by hand with the same model; `dimensions` is sent where truncate_dim is configured"


class PassingError(Exception):
    """A try that failed, where another may not; `asked` is how many seconds the server wants it to wait."""

    def __init__(self, said: str, asked: float | None = None) -> None:
        super().__init__(said)
        self.said = said
        self.asked = asked


class RefusedError(Exception):
    """A request that was refused for what stands in it."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said

    def of_text(self, text: str, where: str) -> SpheringError:
        """Return the error for a request of this text alone."""
        too_long = TOO_LONG_SAID_WITH_500 if self.status == 500 else TOO_LONG
        if self.status != 413 and not too_long.search(self.said):
            return _terminal(self.status, self.said, where)
        excerpt = text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
        return TextTooLongError(
            f"a text of {len(text.encode()):,} bytes is too long for the model: {self.said}",
            expected="texts that the model reads whole",
            where=f"the text that begins {excerpt!r}; {where}",
            remedy="split texts with [chunk]; or cut them with [encoder] tokenizer and max_length; or quarantine them "
            "with a smaller [source] max_bytes",
        )


def refused(response: httpx.Response, key: SecretStr | None, where: str) -> Exception:
    """Return what an answer other than 200 comes to."""
    status, said = response.status_code, _said(response, key)
    if status == 429 and SPENT in response.text:
        return ModelError(
            f"the account has no credit left: {said}",
            expected="an account that may spend",
            where=where,
            remedy="add credit or raise the limit, then run again: what was encoded is kept",
        )
    if status in OF_TEXTS or (status == 500 and TOO_LONG_SAID_WITH_500.search(said)):
        return RefusedError(status, said)
    if status in MAY_PASS or status >= 500:
        return PassingError(said, retry_after(response.headers, datetime.now(UTC)))
    return _terminal(status, said, where)


def _terminal(status: int, said: str, where: str) -> ModelError:
    return ModelError(
        f"the server refuses: {said}",
        expected="vectors",
        where=where,
        remedy=_REMEDIES.get(status, _OTHER),
    )


def _said(response: httpx.Response, key: SecretStr | None) -> str:
    """Return the status and the server's words; none of 401, which may spell the key out, and the key from no other."""
    status = str(response.status_code)
    with suppress(ValueError):  # the server's own phrase may be anything
        status = f"{status} {HTTPStatus(response.status_code).phrase}"
    if response.is_redirect:
        return f"{status}, another address, to which no key is sent"
    words = "" if response.status_code == 401 else _words(response.text)
    if key is not None:  # before anything is cut off: a part of a key is a part of a key
        words = words.replace(key.get_secret_value(), "(the key)")
    words = " ".join(words.split())[:_SHOWN]
    return f"{status}: {words}" if words else status


def _words(text: str) -> str:
    """Return the message inside a refusal, which each server wraps in its own way."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
