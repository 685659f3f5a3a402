"""A night over pooled word vectors: from the file in a configuration to a release that answers."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.load import load
from sphering.maintenance.verify import verify
from sphering.run.search import search
from sphering.store.store import Store

WORDS = ["card", "lost", "money", "abroad", "rate", "exchange", "my", "the", "is", "what"]


@pytest.fixture
def config(tmp_path):
    vectors = np.random.default_rng(3).standard_normal((len(WORDS), 9)).astype(np.float32)
    lines = (f"{word} {' '.join(map(str, vector))}\n" for word, vector in zip(WORDS, vectors, strict=True))
    (tmp_path / "words.txt").write_text("".join(lines))
    (tmp_path / "counts.txt").write_text("".join(f"{word} {len(word)}\n" for word in WORDS))
    pairs = [f"{one} {other} {third}" for one in WORDS for other in WORDS for third in WORDS[:2]]
    texts = [*pairs, "unheard of", "Card lost"]
    pq.write_table(pa.table({"id": [str(n) for n in range(len(texts))], "text": texts}), tmp_path / "source.parquet")
    (tmp_path / "sphering.toml").write_text(
        'corpus = "questions"\n[source]\npath = "source.parquet"\n'
        '[encoder]\nkind = "word-vectors"\npath = "words.txt"\npooling = "zipf"\nfrequencies = "counts.txt"\n'
        'lowercase = true\n[transform]\nkind = "none"\n[[export]]\nname = "matrix"\nformat = "npy"\n'
    )
    return load(tmp_path / "sphering.toml")


def test_paths_of_the_encoder_are_relative_to_the_configuration(config, tmp_path):
    encoder = config.encoder
    assert (encoder.path, encoder.frequencies) == (str(tmp_path / "words.txt"), str(tmp_path / "counts.txt"))


def test_a_text_of_unknown_words_is_quarantined_and_the_rest_is_released_and_found(config, run):
    result = run(config)
    assert (result["release_status"], result["documents"], result["quarantined"]) == ("published", 201, 1)
    assert result["probe"]["bits"] == "equal"
    corpus = Store.at(config.store).corpus("questions")
    (hit, *_) = search(corpus, "published", "money abroad lost", 1)["hits"]
    assert sorted(hit["text"].split()) == ["abroad", "lost", "money"]
    assert verify(corpus).sound
    assert run(config)["release_status"] == "unchanged"


def test_other_counts_are_another_encoder(config, run, tmp_path):
    first = run(config)
    (tmp_path / "counts.txt").write_text("".join(f"{word} {9 - len(word)}\n" for word in WORDS))
    second = run(config)
    assert second["snapshot"] != first["snapshot"]
    assert second["encoded"] == 202
