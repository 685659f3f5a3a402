"""The geometry of labels in a report: real questions, naive oracles, and a reason where there is nothing to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.config.model import ReportConfig
from sphering.encoder import Encoded, Encoder
from sphering.gate.names import label_metrics
from sphering.gate.numbers import release_numbers
from sphering.identity import canonical_json
from sphering.report.catalogue import LABEL_GEOMETRY
from sphering.report.counted import count_documents
from sphering.report.label_columns import MOST_GROUPS
from sphering.report.label_sums import Spaces
from sphering.report.numbers import measure
from sphering.report.spaces import space_moments
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

from .conftest import fitted

BANKING77 = Path(__file__).parents[2] / "examples" / "banking77" / "banking77.parquet"
Write = Callable[..., Snapshot]
pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def _metadata(column: str, labels: list[str | None]) -> list[str]:
    return [canonical_json({} if label is None else {column: label}).decode() for label in labels]


@pytest.fixture(scope="module")
def intents(encoder: Encoder, write_snapshot: Write, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """300 questions of ten intents, 25 of them three times; in one column each twentieth lacks its intent."""
    table = pq.read_table(BANKING77).to_pylist()
    chosen = sorted({row["category"] for row in table})[:10]
    rows = [row for row in table if row["category"] in chosen][::5][:300]
    rows += rows[:25] * 2
    metadata = [
        {"always": row["category"]} | ({"intent": row["category"]} if number % 20 else {})
        for number, row in enumerate(rows)
    ]
    texts, given = [row["text"] for row in rows], [canonical_json(each).decode() for each in metadata]
    encoded = encoder.encode(texts)
    return write_snapshot(tmp_path_factory.mktemp("intents"), texts, encoded, encoder.identity.id, metadata=given)


@pytest.fixture(scope="module")
def whitening(intents: Snapshot) -> Transform:
    return fitted("whiten", intents, space_moments(intents), shrinkage=0.5)


@pytest.fixture(scope="module")
def found(intents: Snapshot, whitening: Transform) -> dict[str, Any]:
    report = measure(intents, whitening, ReportConfig(extended=True), labels=["intent", "always", "nowhere"])
    json.dumps(report, allow_nan=False)
    return report["label_geometry"]


def documents(
    snapshot: Snapshot, transform: Transform | None, column: str
) -> tuple[np.ndarray, list[str | None], list[str]]:
    frame = snapshot.scan().collect()
    vectors = np.array(frame["embedding"].to_list(), np.float32)
    wide = (vectors if transform is None else transform.apply(vectors)).astype(float)
    labels = [json.loads(row).get(column) for row in frame["metadata"]]
    return wide / np.linalg.norm(wide, axis=1)[:, None], labels, frame["text"].to_list()


@pytest.mark.parametrize("column", ["intent", "always"])
@pytest.mark.parametrize("space", ["raw", "transformed"])
def test_cosines_are_those_of_all_pairs_of_labelled_documents(
    intents: Snapshot, whitening: Transform, found: dict[str, Any], space: str, column: str
) -> None:
    units, labels, _ = documents(intents, whitening if space == "transformed" else None, column)
    given = np.array([label is not None for label in labels])
    names = np.array([label or "" for label in labels])[given]
    cosines, same = units[given] @ units[given].T, names[:, None] == names
    pairs = ~np.eye(len(names), dtype=bool)
    metrics = found[column][space]
    assert metrics["cosine_within"]["value"] == pytest.approx(cosines[same & pairs].mean(), rel=1e-9)
    assert metrics["cosine_between"]["value"] == pytest.approx(cosines[~same].mean(), rel=1e-9, abs=1e-12)
    assert metrics["cosine_gap"]["value"] > 0.05
    for name in ("cosine_within", "cosine_between", "cosine_gap", "nc1", "cdnv"):
        assert (metrics[name]["kind"], metrics[name]["over"]) == ("exact", "documents")
        assert metrics[name]["n"] == len(names)
        assert metrics[name]["value"] is not None


@pytest.mark.parametrize("column", ["intent", "always"])
@pytest.mark.parametrize("space", ["raw", "transformed"])
def test_texts_are_told_by_their_neighbours_and_by_the_means_of_all_other_texts(
    intents: Snapshot, whitening: Transform, found: dict[str, Any], space: str, column: str
) -> None:
    units, labels, texts = documents(intents, whitening if space == "transformed" else None, column)
    given = [row for row, label in enumerate(labels) if label is not None]
    first = {texts[row]: row for row in given}
    nearest, centroid = [], []
    for text, row in first.items():
        others = [other for other in first.values() if other != row]
        nearest.append(labels[others[int(np.argmax(units[others] @ units[row]))]] == labels[row])
        rest = [other for other in given if texts[other] != text]
        means = {label: units[[o for o in rest if labels[o] == label]].sum(axis=0) for label in set(labels) - {None}}
        told = max(means, key=lambda label: units[row] @ means[label] / np.linalg.norm(means[label]))
        centroid.append(told == labels[row])
    metrics = found[column][space]
    assert metrics["knn_accuracy_1"]["value"] == pytest.approx(np.mean(nearest))
    assert metrics["centroid_accuracy"]["value"] == pytest.approx(np.mean(centroid))
    for name in ("knn_accuracy_1", "knn_accuracy_5", "centroid_accuracy"):
        assert (metrics[name]["n"], metrics[name]["over"]) == (len(first), "texts")
        low, high = metrics[name]["interval"]
        assert 0.0 <= low < metrics[name]["value"] < high <= 1.0


def test_a_column_that_no_document_has_gives_reasons(found: dict[str, Any]) -> None:
    for space in ("raw", "transformed"):
        for name, entry in found["nowhere"][space].items():
            assert entry["value"] is None, name
            assert "has a label" in entry["reason"]


def test_nc1_and_cdnv_are_of_an_extended_report(intents: Snapshot, whitening: Transform, found: dict[str, Any]) -> None:
    plain = measure(intents, whitening, ReportConfig(), labels=["intent"])["label_geometry"]["intent"]
    assert found["intent"]["raw"].keys() - plain["raw"].keys() == {"nc1", "cdnv"}
    for name, entry in plain["transformed"].items():
        assert entry == found["intent"]["transformed"][name]


@pytest.mark.parametrize("extended", [True, False])
def test_gates_take_every_number_of_the_labels(intents: Snapshot, whitening: Transform, extended: bool) -> None:
    report = measure(intents, whitening, ReportConfig(extended=extended), labels=["intent"])
    numbers = release_numbers(report, {})
    metrics = report["label_geometry"]["intent"]
    assert numbers["labels.intent.raw.cosine_gap"] == metrics["raw"]["cosine_gap"]["value"]
    assert numbers["labels.intent.knn_accuracy_5"] == metrics["transformed"]["knn_accuracy_5"]["value"]
    missing = {name for name in label_metrics("intent") if numbers[name] is None}
    assert missing == (set() if extended else {name for name in missing if name.endswith(("nc1", "cdnv"))})
    assert len(missing) == (0 if extended else 6)


def test_every_metric_of_labels_is_in_the_catalogue(found: dict[str, Any]) -> None:
    assert all(space.keys() == LABEL_GEOMETRY.keys() for column in found.values() for space in column.values())


def test_without_columns_of_labels_there_is_nothing(intents: Snapshot, whitening: Transform) -> None:
    assert measure(intents, whitening, ReportConfig())["label_geometry"] == {}


def made(write: Write, folder: Path, vectors: np.ndarray, labels: list[str | None]) -> Snapshot:
    count = len(vectors)
    flags = np.zeros(count, bool)
    encoded = Encoded(vectors.astype(np.float32), np.ones(count, np.int32), np.zeros(count, np.int32), flags)
    texts = [f"text {row}" for row in range(count)]
    return write(folder, texts, encoded, "e" * 16, metadata=_metadata("label", labels))


def test_labels_beyond_the_thousand_largest_are_left_out_and_the_numbers_say_so(
    write_snapshot: Write, tmp_path: Path
) -> None:
    labels = [f"label {row % (MOST_GROUPS + 9)}" for row in range(2 * (MOST_GROUPS + 9))]
    vectors = np.random.default_rng(0).standard_normal((len(labels), 5))
    snapshot = made(write_snapshot, tmp_path, vectors, labels)
    counted = count_documents(snapshot, ["label"], Spaces(extended=True))
    sums = counted.sums.of["raw"]["label"]
    assert len(sums.counts) == MOST_GROUPS
    assert sums.n == 2 * MOST_GROUPS
    assert counted.columns[0].different == MOST_GROUPS + 9


@pytest.mark.parametrize(
    ("labels", "defined"),
    [
        (["one"] * 30, {"cosine_within"}),
        ([f"label {row}" for row in range(30)], {"cosine_between"}),
        ([None] * 30, set()),
    ],
)
def test_one_label_or_one_document_a_label_is_said(
    write_snapshot: Write, tmp_path: Path, labels: list[str | None], defined: set[str]
) -> None:
    snapshot = made(write_snapshot, tmp_path, np.random.default_rng(0).standard_normal((30, 4)) + 1.0, labels)
    transform = fitted("center", snapshot, space_moments(snapshot))
    metrics = measure(snapshot, transform, ReportConfig(extended=True), labels=["label"])["label_geometry"]["label"]
    for space in metrics.values():
        assert {name for name, entry in space.items() if entry["value"] is not None} == defined
        assert all(entry["reason"] for entry in space.values() if entry["value"] is None)


def test_damaged_vectors_are_in_no_label(write_snapshot: Write, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((40, 4)) + 1.0
    clean = made(write_snapshot, tmp_path, vectors, ["a", "b"] * 20)
    transform = fitted("center", clean, space_moments(clean))
    vectors[10], vectors[25] = np.nan, 0.0
    (tmp_path / "damaged").mkdir()
    damaged = made(write_snapshot, tmp_path / "damaged", vectors, ["a", "b"] * 20)
    metrics = measure(damaged, transform, ReportConfig(), labels=["label"])["label_geometry"]["label"]
    assert metrics["raw"]["cosine_within"]["n"] == 37  # one row is dropped
    assert metrics["raw"]["knn_accuracy_1"]["value"] is not None
