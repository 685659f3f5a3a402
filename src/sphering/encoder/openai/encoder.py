"""A hosted model behind the encoder protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from sphering.config.encoder import OpenAIConfig
from sphering.encoder.openai.answer import Answer
from sphering.encoder.openai.batches import byte_lengths, cut
from sphering.encoder.openai.client import EmbeddingsClient
from sphering.encoder.openai.loop import finished
from sphering.encoder.openai.tokens import Counted, TextTokens
from sphering.encoder.protocol import SILENCE, STEP, Encoded, EncoderIdentity, Role
from sphering.encoder.texts import check_room, checked
from sphering.progress import Progress

_SOME_TEXT = "How many dimensions?"


class OpenAIEncoder:
    """Requests to one server, in batches, several at once.

    Parameters
    ----------
    identity : EncoderIdentity
    config : OpenAIConfig
    key : SecretStr or None
    tokens : TextTokens or None
        What counts and cuts; without it the server's own count of a request is all that is known.

    Raises
    ------
    EncoderLostError
        If the server does not answer: it is asked for one vector where its dimension is not configured.
    ModelError
        If it refuses, or a prompt leaves no room for a text.
    """

    def __init__(
        self, identity: EncoderIdentity, config: OpenAIConfig, key: SecretStr | None, tokens: TextTokens | None
    ) -> None:
        self.identity = identity
        self.max_length = config.max_length
        self._config = config
        self._tokens = tokens
        self._client = EmbeddingsClient(config, key)
        self._prompts: dict[Role, str] = {"document": config.document_prompt, "query": config.query_prompt}
        for role, prompt in self._prompts.items():
            if tokens is not None:
                check_room(int(tokens.count([prompt]).n_tokens[0]), config.max_length, role)
        self.dimension = self._client.dimension or self._asked_dimension()
        self._client.dimension = self.dimension

    def encode(self, texts: Sequence[str], role: Role = "document", progress: Progress = SILENCE) -> Encoded:
        """Encode any number of texts, in any order; see `protocol.Encoder`."""
        prompted = checked(texts, self._prompts[role])
        counted = self._tokens.count(prompted) if self._tokens else None
        sent = counted.texts if counted else prompted
        vectors = np.empty((len(sent), self.dimension), dtype=np.float32)
        billed: int | None = 0
        for rows, answer in finished(self._batch(sent, rows) for rows in self._batches(sent, counted)):
            vectors[rows] = answer.vectors
            billed = None if billed is None or answer.tokens is None else billed + answer.tokens
            tokens = int(counted.n_tokens[rows].sum()) if counted else answer.tokens or 0
            progress.advance(STEP, len(rows), tokens=tokens)
        if counted is None:
            return Encoded(vectors, None, None, np.zeros(len(sent), dtype=np.bool_), billed)
        return Encoded(vectors, counted.n_tokens, counted.n_unknown, counted.truncated, billed)

    def _batches(self, texts: list[str], counted: Counted | None) -> list[NDArray[np.int64]]:
        if counted is None:
            sizes = byte_lengths(texts)
        else:
            sizes = np.minimum(counted.n_tokens.astype(np.int64), self.max_length or np.iinfo(np.int64).max)
        return cut(sizes, self._config.batch_texts, self._config.batch_tokens)

    async def _batch(self, texts: list[str], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Answer]:
        return rows, await self._client.embed([texts[row] for row in rows])

    def _asked_dimension(self) -> int:
        [answer] = finished([self._client.embed([_SOME_TEXT])])
        return int(answer.vectors.shape[1])
