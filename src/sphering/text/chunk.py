"""Texts cut into chunks at paragraph, line, sentence and word borders, by tokens of one tokenizer.

Where to cut, the library semantic-text-splitter decides; here it is told how much room a prompt leaves, kept from
taking time that grows with the square of a text's length, and its result is counted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sphering.errors import ConfigError
from sphering.extras import require
from sphering.identity import sha256_bytes

CHUNK_VERSION = 1
"""The version of the step that cuts texts; a mended bug that moves a border raises it."""
EXTRA = "chunk"
_LIBRARY = "semantic_text_splitter"
CHUNKS = pa.schema(
    [
        pa.field("source", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("ordinal", pa.int32()),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
    ]
)
"""Chunks: the position of the text that each was cut from, and its own place there, as `text[start:end]` in Unicode
code points; `ordinal` counts the chunks of one text from 0."""
_STRETCH = 64
_CHARACTERS = 1 << 20

Piece = tuple[int, str]
"""A chunk with the code point at which it begins."""


@dataclass(frozen=True)
class Chunker:
    """Cuts texts into chunks of at most `tokens` tokens.

    Parameters
    ----------
    tokenizer : Path
        A tokenizer.json.
    tokens : int
        Most tokens of a chunk, with the special tokens and the prompt that the encoder reads it with.
    overlap : int
        Most tokens at the end of a chunk that the next one begins with again.
    prompt : str
        What is put in front of each chunk when it is encoded.

    Raises
    ------
    ConfigError
        If the file is no tokenizer, or a chunk has no room for a text, or for more than the overlap.
    ExtraMissingError
        If a library is not installed.
    """

    tokenizer: Path
    tokens: int
    overlap: int = 0
    prompt: str = ""

    def __post_init__(self) -> None:
        require(_LIBRARY, EXTRA)
        if self._room <= self.overlap:
            taken = self.tokens - self._room
            raise ConfigError(
                f"a chunk of {self.tokens} tokens has room for {max(self._room, 0)}: {taken} go to the special tokens "
                "and the document prompt",
                expected=f"more than {taken + self.overlap} tokens, for an overlap of {self.overlap}",
                where="[chunk] tokens",
                remedy="raise tokens, or lower overlap",
            )

    @cached_property
    def document(self) -> dict[str, Any]:
        """What decides where a text is cut: documents of which this differs must not stand in one corpus."""
        return {
            "tokenizer": sha256_bytes(self._file),
            "tokens": self.tokens,
            "overlap": self.overlap,
            "prompt": self.prompt,
            "splitter": f"semantic-text-splitter {version('semantic-text-splitter')}",
            "v": CHUNK_VERSION,
        }

    def chunks(self, texts: pa.Array) -> Iterator[pa.RecordBatch]:
        """Yield the chunks of texts, in their order, in batches of some million characters of text.

        A text that fits is one chunk. White space around a chunk is left out; every other character lies in a chunk.
        A single character that takes more than `tokens` tokens is a chunk of its own.

        Parameters
        ----------
        texts : (n,) string
            Valid UTF-8, without nulls.

        Yields
        ------
        pyarrow.RecordBatch
            With the columns of `CHUNKS`.
        """
        first = 0
        for part in _parts(texts.to_pylist()):
            yield _batch(first, self._cut(part))
            first += len(part)

    def _cut(self, texts: list[str]) -> list[list[Piece]]:
        """Return the chunks of each text."""
        cut = [_bare(0, text) for text in texts]
        long = np.flatnonzero(self._counts([text for row in cut for _, text in row]) > self.tokens).tolist()
        rows = [row for row, pieces in enumerate(cut) if pieces]
        long = [rows[place] for place in long]
        for row, pieces in zip(long, self._cut_long([texts[row] for row in long]), strict=True):
            cut[row] = pieces
        return cut

    def _cut_long(self, texts: list[str]) -> list[list[Piece]]:
        """Return the chunks of texts that do not fit into one.

        The splitter looks at all that follows a chunk; a text is therefore given to it in stretches.
        """
        stretches = self._stretches.chunk_all_indices(texts)
        pieces = iter(self._splitter.chunk_all_indices([part for row in stretches for _, part in row]))
        cut = [
            [bare for start, _ in row for at, text in next(pieces) for bare in _bare(start + at, text)]
            for row in stretches
        ]
        fits = iter(self._counts([text for row in cut for _, text in row]) <= self.tokens)
        return [[piece for found in row for piece in ([found] if next(fits) else self._smaller(*found))] for row in cut]

    def _smaller(self, start: int, text: str) -> list[Piece]:
        """Return the chunks of a chunk that has more tokens behind the prompt than the two have apart."""
        room = self._room
        while room > 1:
            room = max(room * 3 // 4, 1)
            found = _splitter(self._counting, room, min(self.overlap, room - 1)).chunk_indices(text)
            pieces = [bare for at, part in found for bare in _bare(start + at, part)]
            if (self._counts([part for _, part in pieces]) <= self.tokens).all():
                return pieces
        return [bare for at, letter in enumerate(text) for bare in _bare(start + at, letter)]

    def _counts(self, texts: list[str]) -> NDArray[np.int64]:
        """Return the tokens of each text as the encoder reads it."""
        encodings = self._counting.encode_batch_fast([self.prompt + text for text in texts])
        return np.fromiter(map(len, encodings), np.int64, len(texts))

    @cached_property
    def _room(self) -> int:
        """The tokens that a chunk's own text may have."""
        return self.tokens - len(self._counting.encode(self.prompt).ids)

    @cached_property
    def _splitter(self) -> Any:
        return _splitter(self._counting, self._room, self.overlap)

    @cached_property
    def _stretches(self) -> Any:
        return require(_LIBRARY, EXTRA).TextSplitter(_STRETCH * self.tokens, trim=False)

    @cached_property
    def _file(self) -> bytes:
        return self.tokenizer.read_bytes()

    @cached_property
    def _counting(self) -> Any:
        """The tokenizer, which neither cuts nor pads."""
        library = require("tokenizers", EXTRA)
        try:
            found = library.Tokenizer.from_str(self._file.decode())
        except Exception as error:  # the library raises plain Exception
            raise ConfigError(
                f"this is no tokenizer: {error}",
                expected="a tokenizer.json",
                where=f"{self.tokenizer}, [chunk] tokenizer",
                remedy="name the folder of a model, or a tokenizer.json file",
            ) from error
        found.no_truncation()
        found.no_padding()
        return found


def _splitter(tokenizer: Any, room: int, overlap: int) -> Any:
    """Return what cuts texts into chunks of at most `room` tokens of their own."""
    library = require(_LIBRARY, EXTRA)
    return library.TextSplitter.from_huggingface_tokenizer(tokenizer, room, overlap)


def _bare(start: int, text: str) -> list[Piece]:
    """Return a piece of a text without the white space around it: none where it has nothing else.

    The library leaves U+001C to U+001F, which are white space to whoever tells empty texts.
    """
    behind = text.lstrip()
    return [(start + len(text) - len(behind), behind.rstrip())] if behind else []


def _parts(texts: list[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of about `_CHARACTERS` characters."""
    sums = list(accumulate(map(len, texts)))
    marks = [end // _CHARACTERS for end in sums]
    cuts = [place + 1 for place, (one, next_) in enumerate(pairwise(marks)) if one != next_]
    for start, end in pairwise([0, *cuts, len(texts)]):
        if end > start:
            yield texts[start:end]


def _batch(first: int, cut: list[list[Piece]]) -> pa.RecordBatch:
    counts = np.fromiter(map(len, cut), np.int64, len(cut))
    starts = np.fromiter((start for row in cut for start, _ in row), np.int32)
    lengths = np.fromiter((len(text) for row in cut for _, text in row), np.int32)
    columns = {
        "source": first + np.repeat(np.arange(len(cut)), counts),
        "text": [text for row in cut for _, text in row],
        "ordinal": np.concatenate([np.arange(count, dtype=np.int32) for count in counts] or [np.empty(0, np.int32)]),
        "start": starts,
        "end": starts + lengths,
    }
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in CHUNKS], schema=CHUNKS)
