"""The map of a report: texts on the principal directions of every document, with labels and without a word of text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.encoder import Encoder
from sphering.geometry.moments import Moments
from sphering.report.map import MOST_ID_BYTES, MOST_NAMED, MOST_POINTS, sample_map
from sphering.report.page.map_figure import MOST_COLOURS, columns, legend_names, map_choices, map_figure
from sphering.report.spaces import Space, space_moments, space_of
from sphering.store.snapshot import Sample, Snapshot
from sphering.transform.affine import Transform
from tests.report.conftest import EXAMPLES, build


@pytest.fixture(scope="module")
def labelled(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """700 questions with their category, one of 77, but for the first twenty; `"` and `<b>` stand in one."""
    table = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet").to_pylist()[::18][:700]
    metadata = ["{}" if row < 20 else json.dumps({"topic": one["category"]}) for row, one in enumerate(table)]
    metadata[20] = '{"topic":"<b>\\"rare\\"</b>"}'
    texts = [one["text"] for one in table]
    folder = tmp_path_factory.mktemp("labelled")
    return build(folder, texts, encoder.encode(texts), encoder.identity.id, metadata=metadata)


@pytest.fixture(scope="module")
def spaces(labelled: Snapshot, centred: Transform) -> dict[str, Space]:
    return {
        "raw": space_of(space_moments(labelled)),
        "transformed": space_of(space_moments(labelled, centred)),
    }


@pytest.fixture(scope="module")
def found(labelled: Snapshot, centred: Transform, spaces: dict[str, Space]) -> dict[str, Any]:
    sample = labelled.sample(5000)
    return sample_map(labelled, sample, centred.apply(sample.vectors), spaces, ["topic", "absent"])


def test_the_coordinates_are_those_of_a_principal_component_analysis_of_all_documents(
    labelled: Snapshot, found: dict[str, Any]
) -> None:
    from sklearn.decomposition import PCA

    vectors = np.concatenate(list(labelled.vectors())).astype(np.float64)
    oracle = PCA(2, svd_solver="full").fit(vectors)
    points = oracle.transform(labelled.sample(5000).vectors[: found["texts"]].astype(np.float64))
    for axis, name in enumerate("xy"):
        sign = np.sign(oracle.components_[axis][np.argmax(np.abs(oracle.components_[axis]))])
        assert np.abs(found["raw"][name] - sign * points[:, axis]).max() < 1e-4
    assert np.abs(found["raw"]["explained"] - oracle.explained_variance_ratio_).max() < 6e-5


def test_the_map_is_small_and_without_texts(labelled: Snapshot, found: dict[str, Any]) -> None:
    written = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    assert found["texts"] == MOST_POINTS
    assert len(written.encode()) < 30_000
    texts = labelled.scan().select("text").collect()["text"].to_list()
    assert not any(text in written for text in texts)


def test_each_point_has_the_label_of_its_own_document(labelled: Snapshot, found: dict[str, Any]) -> None:
    documents = labelled.scan().select("doc_id", "metadata").collect()
    topics = {
        doc_id: json.loads(metadata).get("topic")
        for doc_id, metadata in zip(documents["doc_id"], documents["metadata"], strict=True)
    }
    names, of = found["labels"]["topic"]["names"], found["labels"]["topic"]["of"]
    assert len(names) == MOST_NAMED
    assert {-1, None} < set(of)
    for doc_id, place in zip(found["doc_ids"], of, strict=True):
        expected = topics[doc_id]
        if place is None:
            assert expected is None
        elif place == -1:
            assert expected not in names
        else:
            assert names[place] == expected
    counts = [of.count(place) for place in range(len(names))]
    assert counts == sorted(counts, reverse=True)
    assert found["labels"]["absent"] == {"names": [], "of": [None] * found["texts"]}


def test_long_ids_make_fewer_points(
    labelled: Snapshot, centred: Transform, spaces: dict[str, Space], found: dict[str, Any]
) -> None:
    sample = labelled.sample(5000)
    long = Sample([f"{doc_id}#{'é' * 46}" for doc_id in sample.doc_ids], *(vars(sample)[name] for name in _REST))
    short = sample_map(labelled, long, centred.apply(long.vectors), spaces)
    assert short["texts"] == MOST_ID_BYTES // 102
    assert short["raw"]["x"] == found["raw"]["x"][: short["texts"]]


_REST = ("text_hashes", "vectors", "shards", "rows")


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_coordinates_keep_four_digits_at_any_scale(labelled: Snapshot, centred: Transform, scale: float) -> None:
    sample = labelled.sample(50)
    vectors = (sample.vectors * np.float32(scale)).astype(np.float32)
    scaled = Sample(sample.doc_ids, sample.text_hashes, vectors, sample.shards, sample.rows)
    space = space_of(_moments(vectors))
    found = sample_map(labelled, scaled, vectors, {"raw": space, "transformed": space})
    assert space.spectrum is not None
    exact = (vectors.astype(np.float64) - space.moments.mean) @ space.spectrum.vectors[:, :2]
    drawn = np.stack([found["raw"]["x"], found["raw"]["y"]], axis=1)
    assert np.abs(drawn - exact).max() <= 5.1e-4 * np.abs(exact).max()


def _moments(vectors: Any) -> Moments:
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
@pytest.mark.parametrize("dimension", [1, 3])
@pytest.mark.parametrize("constant", [True, False])
def test_few_or_equal_vectors_have_a_flat_map_or_none(
    labelled: Snapshot, rows: int, dimension: int, constant: bool
) -> None:
    values = np.ones((rows, dimension)) if constant else np.random.default_rng(3).normal(size=(rows, dimension))
    vectors = values.astype(np.float32)
    space = space_of(_moments(vectors))
    sample = Sample(
        [str(row) for row in range(rows)],
        np.zeros((rows, 32), np.uint8),
        vectors,
        np.zeros(rows, np.int32),
        np.arange(rows),
    )
    found = sample_map(labelled, sample, vectors, {"raw": space, "transformed": space})
    drawn = found["raw"]
    assert (drawn is None) == (rows < 2 or constant)
    assert json.dumps(found, allow_nan=False)
    if drawn is not None and (dimension == 1 or rows == 2):
        assert set(drawn["y"]) == {0.0}
        assert drawn["explained"] == [1.0, 0.0]
    assert (map_figure(found) is None) == (drawn is None)


def test_every_point_is_drawn_once_in_each_column_and_says_its_label_and_id(found: dict[str, Any]) -> None:
    for column, traces in columns(found).items():
        drawn = [point for trace in traces for point in trace["meta"]]
        assert sorted(drawn) == list(range(found["texts"]))
        told = {point: text for trace in traces for point, text in zip(trace["meta"], trace["text"], strict=True)}
        assert all(told[point].endswith(f"<br>{found['doc_ids'][point]}") for point in drawn), column
    topic, absent = columns(found).values()
    assert [len(topic), len(absent)] == [1 + MOST_COLOURS, 1]
    assert (topic[0]["name"], absent[0]["name"]) == ("other labels", "no label")
    looks = {(trace["marker"]["color"], trace["marker"].get("symbol")) for trace in topic[1:]}
    assert len(looks) == MOST_COLOURS


def test_a_label_cannot_bring_html_onto_the_map() -> None:
    bad = {
        "doc_ids": ["<i>1</i>"],
        "labels": {"c": {"names": ["<img src=x>"], "of": [0]}},
        "raw": {"x": [0.0], "y": [0.0], "explained": [1.0, 0.0]},
        "transformed": None,
    }
    choices = map_choices(bad)
    assert choices is not None
    assert list(choices["spaces"]) == ["raw"]
    assert choices["columns"]["c"][0]["text"] == ["&lt;img src=x&gt;<br>&lt;i&gt;1&lt;/i&gt;"]
    assert choices["columns"]["c"][0]["name"] == "&lt;img src=x&gt;"


def test_a_map_without_labels_has_one_colour(found: dict[str, Any]) -> None:
    traces = columns({**found, "labels": {}})
    assert [len(each) for each in traces.values()] == [1]
    assert traces[""][0]["text"] == found["doc_ids"]


def test_labels_that_begin_alike_are_told_apart_in_the_legend() -> None:
    names = ["balance_not_updated_after_bank_transfer", "balance_not_updated_after_cheque_or_cash_deposit", "no label"]
    assert legend_names(names) == ["balance_not_…bank_transfer", "balance_not_…_cash_deposit", "no label"]
    assert legend_names(["no label", "wrong_exchange_rate_for_cash_withdrawal", "no label"]) == [
        "no label",
        "wrong_exchange_rate_for_c…",
        "no label (2)",
    ]
