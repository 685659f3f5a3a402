import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from staged import documents_of

from sphering.config.model import Config
from sphering.source import stage

DATA = Path(__file__).parents[1] / "data"


class Staging:
    """Stages a source below a folder and reads back what came of it."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def __call__(self, *, normalise=None, memory="256MB", base=None, out=None, **source):
        self.count += 1
        self.out = out or self.folder / f"out-{self.count}"
        config = Config(corpus="t", source=source, normalise=normalise or {}, run={"memory": memory})
        return stage(config, self.out, base=base or self.folder)

    def documents(self):
        return documents_of(self.out).to_pylist()

    def quarantine(self):
        return pq.read_table(self.out / "quarantine.parquet").to_pylist()

    def texts(self):
        return {row["doc_id"]: row["text"] for row in self.documents()}

    def reasons(self):
        return [(row["row"], row["reason"]) for row in self.quarantine()]


@pytest.fixture
def staging(tmp_path):
    return Staging(tmp_path)


@pytest.fixture
def data():
    return DATA


def _naive_digest(documents):
    """The content digest, written down from its definition: documents are (doc_id, text, metadata as JSON)."""
    whole = hashlib.sha256()
    for doc_id, text, metadata in sorted(documents, key=lambda document: document[0].encode()):
        identifier = doc_id.encode()
        row = len(identifier).to_bytes(8, "big") + identifier
        row += hashlib.sha256(text.encode()).digest() + hashlib.sha256(metadata.encode()).digest()
        whole.update(hashlib.sha256(row).digest())
    return whole.hexdigest()


@pytest.fixture
def naive_digest():
    return _naive_digest


def _write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def write_jsonl():
    return _write_jsonl
