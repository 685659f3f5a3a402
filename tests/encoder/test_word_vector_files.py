"""Files of word vectors: every layout gives the same words and numbers, every damage is named."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.encoder.word_vectors.layout import read_layout
from sphering.encoder.word_vectors.vocabulary import read_vocabulary
from sphering.errors import ModelError

some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
numbers = st.floats(-1e6, 1e6, width=32)
# What other readers trip over: quotes, what looks like nothing or a number, white space of Unicode, other scripts.
TRAPS = ['"', "'s", "NA", "null", "nan", "1.5", ",", "#", "\u00a0", "\u2028", "\u0085", "Hà", "中", "🙂", "12", "a\tb"]
words = st.one_of(
    st.sampled_from(TRAPS), st.text(st.characters(exclude_characters=" \n\r\0", codec="utf-8"), min_size=1)
)


@st.composite
def tables(draw):
    """Some words, repeats among them, with their vectors."""
    found = draw(st.lists(words, min_size=1, max_size=12))
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=len(found), max_size=len(found)))
    return found, np.array(rows, np.float32)


def text_lines(found, vectors, end=""):
    lines = (f"{word} {' '.join(str(x) for x in vector)}{end}\n" for word, vector in zip(found, vectors, strict=True))
    return "".join(lines).encode()


def binary_entries(found, vectors, end=b""):
    return b"".join(
        word.encode() + b" " + v.astype("<f4").tobytes() + end for word, v in zip(found, vectors, strict=True)
    )


LAYOUTS = {
    "glove": lambda w, v: text_lines(w, v),
    "word2vec-text": lambda w, v: f"{len(w)} {v.shape[1]}\n".encode() + text_lines(w, v),
    "word2vec-trailing-space": lambda w, v: f"{len(w)} {v.shape[1]}\n".encode() + text_lines(w, v, " "),
    "word2vec-binary": lambda w, v: f"{len(w)} {v.shape[1]}\n".encode() + binary_entries(w, v, b"\n"),
    "word2vec-binary-without-feeds": lambda w, v: f"{len(w)} {v.shape[1]}\n".encode() + binary_entries(w, v),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
@some
@given(table=tables())
def test_every_layout_gives_the_words_and_vectors_that_were_written(tmp_path, layout, packed, table):
    found, vectors = table
    data = LAYOUTS[layout](found, vectors)
    path = tmp_path / ("vectors.gz" if packed else "vectors")
    path.write_bytes(gzip.compress(data) if packed else data)
    naive: dict[str, np.ndarray] = {}
    for word, vector in zip(found, vectors, strict=True):
        naive.setdefault(word, vector)
    vocabulary = read_vocabulary(path)
    assert list(vocabulary.rows) == list(naive)
    assert vocabulary.vectors.read(0, 99).tobytes() == np.array(list(naive.values())).tobytes()


def test_many_words_in_many_blocks_keep_their_vectors(tmp_path, monkeypatch):
    monkeypatch.setattr("sphering.encoder.word_vectors.text_file.BLOCK_BYTES", 4096)
    monkeypatch.setattr("sphering.encoder.word_vectors.binary_file.CHUNK_BYTES", 4096)
    vectors = np.random.default_rng(0).standard_normal((3000, 7)).astype(np.float32)
    found = [f"w{number}" for number in range(3000)]
    for layout, write in LAYOUTS.items():
        (tmp_path / layout).write_bytes(write(found, vectors))
        vocabulary = read_vocabulary(tmp_path / layout)
        assert list(vocabulary.rows) == found
        assert vocabulary.vectors.read(0, 3000).tobytes() == vectors.tobytes()


def test_words_with_spaces_inside_as_in_glove_840b_are_passed_over(tmp_path):
    (tmp_path / "v").write_text("the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\nof 1 1 1\n")
    assert list(read_vocabulary(tmp_path / "v").rows) == ["the", "of"]
    (tmp_path / "w").write_text("4 3\nthe 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9\nof 1 1 1\n")
    assert list(read_vocabulary(tmp_path / "w").rows) == ["the", "of"]


def test_a_word_that_is_no_utf8_takes_no_other_words_place(tmp_path):
    (tmp_path / "v").write_bytes(b"caf\xe9 1 2\ncaf\xc3\xa9 3 4\n")
    vocabulary = read_vocabulary(tmp_path / "v")
    assert vocabulary.find(["café", "caf\ufffd"]).tolist() == [1, -1]


GOOD = "the 1 2 3\nof 4 5 6\n"
BINARY = b"2 3\n" + binary_entries(["the", "of"], np.ones((2, 3)), b"\n")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no word and its numbers"),
        (b"the\n", "no word and its numbers"),
        (b"<html> <body>\n", "no word and its numbers"),
        (f"{GOOD}and 7 8\n".encode(), "the line of 'and' has 2 numbers, others have 3"),
        (f"{GOOD}and 7 8 9 10\n".encode(), "the line of 'and' has 4 numbers, others have 3"),
        (f"{GOOD}and 7 8 nine\n".encode(), "nine"),
        (f"{GOOD}and 7 8 nan\n".encode(), "'and' holds NaN or infinity"),
        (f"{GOOD}and 7 8 1e99\n".encode(), "'and' holds NaN or infinity"),
        (f"3 3\n{GOOD}".encode(), "announces 3 words, there are 2"),
        (f"1 3\n{GOOD}".encode(), "announces 1 words, there are 2"),
        (f"2 4\n{GOOD}".encode(), "announces vectors of 4 dimensions, line 2 has 3"),
        (b"2 0\n", "announces vectors of 0 dimensions"),
        (b"0 3\n", "it has no word"),
        (BINARY[:-5], "it ends after 1 of 2 words"),
        (BINARY.replace(b"2 3\n", b"3 3\n", 1), "it ends after 2 of 3 words"),
        (BINARY.replace(b"2 3\n", b"1 3\n", 1), "it goes on after the 1 words"),
        (b"1 1\nthe " + np.float32(np.nan).tobytes(), "'the' holds NaN or infinity"),
    ],
)
def test_a_malformed_file_is_refused_and_named(tmp_path, data, what):
    (tmp_path / "v").write_bytes(data)
    with pytest.raises(ModelError, match=what) as refused:
        read_vocabulary(tmp_path / "v")
    assert str(tmp_path / "v") in refused.value.where


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_compressed_file_that_was_cut_off_is_refused(tmp_path, layout, kept):
    vectors = np.random.default_rng(0).standard_normal((900, 7)).astype(np.float32)
    data = gzip.compress(LAYOUTS[layout]([f"w{number}" for number in range(900)], vectors), mtime=0)
    (tmp_path / "v.gz").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ModelError, match="cannot be read"):
        read_vocabulary(tmp_path / "v.gz")


def test_a_layout_is_told_from_the_beginning_alone(tmp_path):
    (tmp_path / "text").write_text(f"2 3\n{GOOD}")
    (tmp_path / "binary").write_bytes(BINARY)
    assert [read_layout(tmp_path / name).binary for name in ("text", "binary")] == [False, True]
