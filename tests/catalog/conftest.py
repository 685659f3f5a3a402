"""A store of three nights, in which rows were quarantined and a release was held, and copies of it."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.config.model import Config
from sphering.store.store import Store


@pytest.fixture(scope="session")
def nights(run, questions, tmp_path_factory):
    """The store's folder, and the result of each night: published, published, held."""
    folder = tmp_path_factory.mktemp("nights")
    pq.write_table(pa.table({"_id": ["a"], "text": ["is my card lost?"]}), folder / "queries.parquet")
    qrels = {"query_id": ["a"], "doc_id": [questions[0][0]], "relevant": [1]}
    pq.write_table(pa.table(qrels), folder / "qrels.parquet")

    def night(documents):
        ids, texts = zip(*documents, strict=True)
        pq.write_table(pa.table({"id": ids, "text": texts}), folder / "source.parquet")
        return run(
            Config.model_validate(
                {
                    "corpus": "questions",
                    "base": str(folder),
                    "store": str(folder / "store"),
                    "source": {"path": str(folder / "source.parquet")},
                    "encoder": {"backend": "torch"},
                    "transform": {"kind": "center"},
                    "evaluation": {name: str(folder / f"{name}.parquet") for name in ("queries", "qrels")},
                    "export": [{"name": "matrix", "format": "npy"}],
                    "gate": [
                        {"metric": "quarantined_share", "max": 0.1},
                        {"metric": "texts_change", "min": -0.05},
                    ],
                    "run": {"unit_rows": 32},
                }
            )
        )

    empty = [("empty", ""), ("blank", "  ")]
    first = night(questions[:60] + questions[:1])
    second = night([*questions[1:61], *empty])
    third = night(questions[1:55])
    return folder / "store", (first, second, third)


@pytest.fixture
def store(nights, tmp_path):
    """A copy of the store, to change."""
    shutil.copytree(nights[0], tmp_path / "store", copy_function=shutil.copy2)
    return Store.open(Path(tmp_path / "store"))
