"""Letters that a tokenizer strips of their marks count as unknown."""

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


def test_a_language_of_marks_becomes_blind_and_is_counted_so(encoder):
    found = encoder.encode(["Tôi muốn mở một tài khoản", "Toi muon mo mot tai khoan"])
    assert (found.vectors[0] == found.vectors[1]).all()
    assert found.n_unknown[0] >= 5
    assert found.n_unknown[1] == 0
