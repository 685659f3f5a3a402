"""Requests to an embeddings endpoint: a bounded number at once, each tried again within bounds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from pydantic import SecretStr

from sphering.config.encoder import OpenAIConfig
from sphering.encoder.openai.access import is_loopback
from sphering.encoder.openai.answer import Answer, read_answer
from sphering.encoder.openai.refusal import PassingError, RefusedError, refused
from sphering.encoder.openai.waiting import delay
from sphering.errors import EncoderLostError, ModelError

_log = logging.getLogger(__name__)
_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"


class _Bearer(httpx.Auth):
    """The key in its header, put there request by request: no object that could be printed holds it in the clear."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


class EmbeddingsClient:
    """One pool of connections to one endpoint.

    Parameters
    ----------
    config : OpenAIConfig
    key : SecretStr or None

    Attributes
    ----------
    dimension : int or None
        Of the vectors, once it is known: answers of another are refused.
    """

    def __init__(self, config: OpenAIConfig, key: SecretStr | None) -> None:
        self.dimension = config.truncate_dim
        self.address = f"{config.base_url}/embeddings"
        self._config = config
        self._key = key
        self._encoding = "base64"
        self._places = asyncio.Semaphore(config.concurrency)
        self._http = httpx.AsyncClient(
            auth=_Bearer(key) if key else None,
            timeout=config.timeout,  # of each step of a request; `_tried` bounds the whole
            limits=httpx.Limits(max_connections=config.concurrency),
            # A proxy of the environment cannot reach a server on this machine.
            trust_env=not is_loopback(urlsplit(config.base_url).hostname or ""),
        )

    async def embed(self, texts: list[str]) -> Answer:
        """Return the vectors of one batch; texts whose vectors are not finite are asked for once more.

        A batch that is refused is halved: a server takes fewer texts than are configured, or the one text is found
        that it does not take.

        Raises
        ------
        EncoderLostError
            If no try within the bounds was answered.
        TextTooLongError
            If a text is longer than the model reads.
        ModelError
            If the server refuses, or answers with something else than these vectors.
        """
        answer = await self._halving(texts)
        lost = np.flatnonzero(~np.isfinite(answer.vectors).all(axis=1))
        if not lost.size:
            return answer
        again = await self._halving([texts[row] for row in lost])
        answer.vectors[lost] = again.vectors
        return Answer(answer.vectors, _sum(answer.tokens, again.tokens))

    async def _halving(self, texts: list[str]) -> Answer:
        try:
            body = await self._answered(texts)
        except RefusedError as refusal:
            if len(texts) == 1:
                raise refusal.of_text(texts[0], self.address) from None
            half = len(texts) // 2
            one, other = await self._halving(texts[:half]), await self._halving(texts[half:])
            return Answer(np.concatenate([one.vectors, other.vectors]), _sum(one.tokens, other.tokens))
        return read_answer(body, len(texts), self.dimension, self.address)

    async def _answered(self, texts: list[str]) -> Any:
        """Return the JSON that a request was answered with, tried again where that may help."""
        waited, tries = 0.0, 0
        async with self._places:
            while True:
                tries += 1
                try:
                    return await self._tried(texts)
                except PassingError as failure:
                    pause = delay(self._config.first_delay, tries, failure.asked)
                    if tries > self._config.retries or waited + pause > self._config.max_wait:
                        raise self._lost(failure, tries) from None
                    _log.info("%s: trying again in %.1f s", failure.said, pause)
                waited += pause
                await asyncio.sleep(pause)

    async def _tried(self, texts: list[str]) -> Any:
        encoding = self._encoding
        try:
            async with asyncio.timeout(self._config.timeout):
                response = await self._http.post(self.address, json=self._content(texts, encoding))
        except TimeoutError:
            raise PassingError(f"no answer within {self._config.timeout:g} s") from None
        except httpx.RequestError as error:
            raise self._unreached(error) from None
        if response.status_code == 200:
            try:
                return response.json()
            except (ValueError, RecursionError):
                raise PassingError("an answer that is no JSON") from None
        refusal = refused(response, self._key, self.address)
        if isinstance(refusal, RefusedError) and encoding == "base64" and _names_encoding(refusal.said):
            self._encoding = "float"
            return await self._tried(texts)
        raise refusal

    def _content(self, texts: list[str], encoding: str) -> dict[str, Any]:
        dimensions = {} if self._config.truncate_dim is None else {"dimensions": self._config.truncate_dim}
        return {"model": self._config.model, "input": texts, "encoding_format": encoding, **dimensions}

    def _unreached(self, error: httpx.RequestError) -> Exception:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if _CERTIFICATE not in said:
            return PassingError(said)
        return ModelError(
            f"the server's certificate is not trusted: {said}",
            expected="a certificate that this machine trusts",
            where=self.address,
            remedy="export SSL_CERT_FILE=… with the certificate of your own authority",
        )

    def _lost(self, failure: PassingError, tries: int) -> EncoderLostError:
        asked = "" if failure.asked is None else f" (it asks to wait {failure.asked:.0f} s)"
        return EncoderLostError(
            f"the server gave no vectors in {tries} tries; at last: {failure.said}{asked}",
            expected="an answer within [encoder] timeout, retries and max_wait",
            where=self.address,
            remedy="run again when it answers: what was encoded is kept. Where it is busy, lower [encoder] concurrency",
        )


def _names_encoding(said: str) -> bool:
    return "base64" in said or "encoding_format" in said


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
