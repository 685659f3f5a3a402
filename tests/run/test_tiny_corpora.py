"""A corpus of hardly any documents is published in every format; what cannot be measured on it holds nothing."""

import json
from pathlib import Path

import pytest

from sphering.config.model import Config
from sphering.export.opening import FORMATS
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store

EXPORTS = [
    *({"name": name, "format": name} for name in FORMATS if name not in ("faiss", "hdf5")),  # hdf5 needs queries
    {"name": "hnsw", "format": "faiss", "index": "HNSW32"},
    {"name": "flat", "format": "faiss", "index": "Flat"},
]


def manifests(config: Config) -> dict:
    corpus = Store(LocalFiles(Path(config.store))).corpus(config.corpus)
    release = corpus.find_release("published")
    return {entry.name: json.loads(corpus.files.read(f"{entry.path}/manifest.json")) for entry in release.exports}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_format_takes_a_corpus_of_few_documents(run, corpus, questions, count):
    config = corpus(questions[:count], export=EXPORTS)
    result = run(config)
    assert result["release_status"] == "published"
    found = manifests(config)
    assert {manifest["n"] for manifest in found.values()} == {count}
    assert set(found) == {entry["name"] for entry in EXPORTS}
    for name in ("hnsw", "flat"):
        recall = found[name]["recall_at_10"]
        assert recall["value"] == (None if count == 1 else 1.0)
        assert "query" in recall["reason"] if count == 1 else recall["n"] == count // 2


def test_documents_of_one_text_count_as_one(run, corpus, questions):
    config = corpus([(f"again-{number}", questions[0][1]) for number in range(5)], export=EXPORTS)
    assert run(config)["release_status"] == "published"
    assert manifests(config)["flat"]["recall_at_10"]["value"] is None
