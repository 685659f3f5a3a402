"""Different texts with one vector are counted over the whole corpus, not over a sample of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from sphering.config.model import ReportConfig, TransformConfig
from sphering.geometry.moments import Moments
from sphering.report.counted import count_documents
from sphering.report.equal_vectors import EqualVectors
from sphering.report.numbers import measure
from sphering.store.snapshot import Snapshot
from sphering.transform.fit import fit

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def shouted(make_snapshot: Callable[[list[str]], Snapshot]) -> Snapshot:
    """260 questions, 60 of them in capitals as well: the model does not tell case; some documents are there twice."""
    texts = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::40][:260]
    return make_snapshot([*texts, *(text.upper() for text in texts[:60]), *texts[:10], *texts[:30]])


def naive(snapshot: Snapshot) -> int:
    texts: dict[bytes, set[str]] = defaultdict(set)
    for text, vector in snapshot.scan().select("text", pl.col("embedding")).collect().iter_rows():
        texts[repr(vector).encode()].add(text)
    return sum(len(group) for group in texts.values() if len(group) > 1)


def test_every_pair_counts_although_the_sample_would_hold_few_of_both(shouted: Snapshot) -> None:
    moments = Moments.empty(shouted.dimension)
    for block in shouted.vectors():
        moments.update(block)
    transform = fit(TransformConfig(kind="none"), moments, encoder=shouted.manifest.encoder, snapshot=shouted.id)
    found = measure(shouted, transform, ReportConfig(sample=100))["texts"]
    assert naive(shouted) >= 110
    assert found["equal_vector_texts"] == {
        "value": naive(shouted),
        "kind": "exact",
        "n": shouted.manifest.texts,
        "over": "texts",
    }
    assert found["equal_vector_texts_share"]["value"] == naive(shouted) / shouted.manifest.texts


def test_repeats_of_one_text_are_not_different_texts(make_snapshot: Callable[[list[str]], Snapshot]) -> None:
    snapshot = make_snapshot(["a question", "another one"] * 6)
    equal = EqualVectors(count_documents(snapshot))
    assert equal.metrics(snapshot.manifest.texts)["equal_vector_texts"]["value"] == 0
