"""Letters that a tokenizer strips of their marks count as unknown."""

import unicodedata

import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder import identify, open_encoder


@pytest.fixture(scope="module")
def encoder():
    config = SentenceTransformersConfig(backend="torch")
    return open_encoder(identify(config, "torch"), config)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a cup of coffee", 0),
        ("ca phe", 0),
        ("cà phê", 2),
        ("naïve", 1),
        ("日本", 0),
        ("“quoted” – dash", 0),
        ("", 0),
    ],
)
def test_tokens_over_letters_that_lose_their_marks_are_counted(encoder, text, unknown):
    assert encoder.encode([text]).n_unknown.tolist() == [unknown]


@pytest.mark.parametrize("text", ["cà phê", "Tôi muốn mở một tài khoản", "naïve café", "đường phố Hà Nội"])
def test_marks_apart_from_their_letters_count_as_those_upon_them(encoder, text):
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    assert encoder.encode([apart]).n_unknown.tolist() == encoder.encode([text]).n_unknown.tolist()


@pytest.mark.parametrize("text", ["ភាសាខ្មែរ មានអក្សរ", "தமிழ் மொழி", "မြန်မာစာ", "\u0301a \u0301"])
def test_a_token_is_unknown_once(encoder, text):
    found = encoder.encode([text])
    assert found.n_unknown[0] <= found.n_tokens[0] - 2


def test_a_language_of_marks_becomes_blind_and_is_counted_so(encoder):
    found = encoder.encode(["Tôi muốn mở một tài khoản", "Toi muon mo mot tai khoan"])
    assert (found.vectors[0] == found.vectors[1]).all()
    assert found.n_unknown[0] >= 5
    assert found.n_unknown[1] == 0
