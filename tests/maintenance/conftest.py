"""A finished store with everything in it that upkeep looks at, and copies of it to damage."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import Config
from sphering.run.begin import settle_encoder
from sphering.store.store import Store


@pytest.fixture(scope="session")
def made(run, questions, tmp_path_factory):
    """A finished store with everything in it that is verified, and the configuration that made it."""
    folder = tmp_path_factory.mktemp("made")
    ids, texts = zip(*questions, strict=True)
    pq.write_table(pa.table({"id": [*ids, "empty"], "text": [*texts, ""]}), folder / "source.parquet")
    pq.write_table(pa.table({"_id": ["a"], "text": ["is my card lost?"]}), folder / "queries.parquet")
    qrels = {"query_id": ["a"], "doc_id": [ids[0]], "relevant": [1]}
    pq.write_table(pa.table(qrels), folder / "qrels.parquet")
    config = Config.model_validate(
        {
            "corpus": "questions",
            "base": str(folder),
            "store": str(folder / "store"),
            "source": {"path": str(folder / "source.parquet")},
            "encoder": {"backend": "torch"},
            "transform": {"kind": "center"},
            "evaluation": {name: str(folder / f"{name}.parquet") for name in ("queries", "qrels")},
            "export": [{"name": "matrix", "format": "npy"}],
        }
    )
    result = run(config)
    settle_encoder(SentenceTransformersConfig(), Store.open(folder / "store").corpus("questions"), pin=True)
    return config, result


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(Path(made[0].store), tmp_path / "store")
    return Store.open(tmp_path / "store").corpus("questions")
