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
    asked = {"_id": ["a", "b"], "text": ["is my card lost?", questions[31][1]]}
    pq.write_table(pa.table(asked), folder / "queries.parquet")
    qrels = {"query_id": ["a", "b"], "doc_id": [questions[30][0], questions[31][0]], "relevant": [1, 1]}
    pq.write_table(pa.table(qrels), folder / "qrels.parquet")

    texts = [text for _, text in questions]
    scored = {"sentence1": texts[:20], "sentence2": texts[20:40], "score": [place % 6 for place in range(20)]}
    pq.write_table(pa.table(scored), folder / "pairs.parquet")

    def night(documents):
        ids, texts = zip(*documents, strict=True)
        topics = ["card" if "card" in text else "other" for text in texts]
        pq.write_table(pa.table({"id": ids, "text": texts, "topic": topics}), folder / "source.parquet")
        return run(
            Config.model_validate(
                {
                    "corpus": "questions",
                    "base": str(folder),
                    "store": str(folder / "store"),
                    "source": {"path": str(folder / "source.parquet"), "labels": ["topic"]},
                    "encoder": {"backend": "torch"},
                    "transform": {"kind": "center"},
                    "evaluation": {name: str(folder / f"{name}.parquet") for name in ("queries", "qrels", "pairs")},
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
