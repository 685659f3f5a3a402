"""report.json: right numbers, honest about how they were measured, finite whatever comes in."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.config.model import ReportConfig, TransformConfig
from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.moments import Moments
from sphering.identity import canonical_json
from sphering.report.catalogue import EXTENDED, RAW_ONLY, SPACE, TEXTS, TRANSFORMED_ONLY
from sphering.report.changes import Base
from sphering.report.identity import report_id
from sphering.report.numbers import measure
from sphering.report.pairs import pair_intervals
from sphering.report.spaces import KnownMoments, space_moments
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform
from sphering.transform.fit import fit

EXAMPLES = Path(__file__).parents[2] / "examples"
WHOLE = ReportConfig(sample=1000)
PART = ReportConfig(sample=300)


@pytest.fixture(scope="module")
def report(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    return measure(bank, centred, WHOLE)


@pytest.fixture(scope="module")
def sampled(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    return measure(bank, centred, PART)


@pytest.fixture(scope="module")
def spaces(bank: Snapshot, centred: Transform) -> dict[str, np.ndarray]:
    """Every document's vector in float64, raw and transformed."""
    raw = np.concatenate(list(bank.vectors()))
    return {"raw": raw.astype(np.float64), "transformed": centred.apply(raw).astype(np.float64)}


def cosines(vectors: np.ndarray) -> np.ndarray:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (units @ units.T)[np.triu_indices(len(units), 1)]


def estimates(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        if "value" in tree and "kind" in tree:
            yield tree
        for value in tree.values():
            yield from estimates(value)


@pytest.mark.parametrize("space", ["raw", "transformed"])
def test_moment_metrics_equal_brute_force_over_all_pairs(
    report: dict[str, Any], spaces: dict[str, np.ndarray], space: str
) -> None:
    found, vectors = report[space], spaces[space]
    all_cosines = cosines(vectors)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    covariance = np.cov(vectors.T)
    ratio = np.trace(covariance) ** 2 / np.sum(covariance**2)
    assert found["mean_cosine"]["value"] == pytest.approx(all_cosines.mean(), abs=1e-10)
    assert found["cosine_variance"]["value"] == pytest.approx(all_cosines.var(), abs=1e-10)
    assert found["mean_norm"]["value"] == pytest.approx(np.linalg.norm(units.mean(axis=0)), abs=1e-10)
    assert found["participation_ratio"]["value"] == pytest.approx(ratio, rel=1e-9)
    assert found["isoscore"]["value"] == pytest.approx((ratio - 1) / 383, rel=1e-9)
    assert found["norm_mean"]["value"] == pytest.approx(np.linalg.norm(vectors, axis=1).mean(), rel=1e-12)
    assert {found[name]["kind"] for name in ("mean_cosine", "participation_ratio")} == {"exact"}
    low, high = found["mean_cosine"]["interval"]
    assert low < found["mean_cosine"]["value"] < high
    assert high - low == pytest.approx(2 * 1.96 * found["mean_cosine"]["se"], rel=1e-3)


def test_neighbour_overlap_equals_a_naive_count(report: dict[str, Any], bank: Snapshot, centred: Transform) -> None:
    vectors = bank.sample(1000).vectors
    vectors = np.unique(vectors, axis=0)
    kept = [_naive_neighbours(each.astype(np.float64)) for each in (vectors, centred.apply(vectors))]
    shares = [len(before & after) / 10 for before, after in zip(*kept, strict=True)]
    assert report["transformed"]["knn_overlap_raw"]["value"] == pytest.approx(np.mean(shares), abs=2e-4)
    assert report["raw"]["knn_overlap_euclidean_cosine_normalised"]["value"] == pytest.approx(1.0, abs=1e-3)


def _naive_neighbours(vectors: np.ndarray) -> list[set[int]]:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ units.T
    np.fill_diagonal(scores, -np.inf)
    return [set(row.tolist()) for row in np.argsort(-scores, axis=1)[:, :10]]


def test_metrics_disagree_where_norms_differ_and_agree_once_normalised(stretched: Snapshot, centred: Transform) -> None:
    raw = measure(stretched, centred, WHOLE)["raw"]
    for pair in ("dot_cosine", "euclidean_cosine", "euclidean_dot"):
        assert raw[f"knn_overlap_{pair}"]["value"] < 0.8
        assert raw[f"knn_overlap_{pair}_normalised"]["value"] > 0.999


def test_repeated_documents_and_texts_are_counted_from_what_is_not_dropped(
    report: dict[str, Any], bank: Snapshot
) -> None:
    documents = bank.scan().collect()
    texts = report["texts"]
    assert texts["documents"]["value"] == len(documents) == 499
    assert texts["texts"]["value"] == documents["text"].n_unique()
    assert texts["duplicate_documents"]["value"] == len(documents) - documents["text"].n_unique() >= 19
    assert texts["tokens_mean"]["value"] == pytest.approx(documents["n_tokens"].mean())
    assert report["norms"]["raw"]["n"] == sum(report["norms"]["raw"]["counts"]) == 499


def test_every_number_says_exact_or_sampled_over_what_and_how_many(
    report: dict[str, Any], sampled: dict[str, Any]
) -> None:
    for entry in (*estimates(report), *estimates(sampled)):
        assert entry["kind"] in ("exact", "sampled")
        assert entry["over"] in ("documents", "texts", "pairs", "tokens", "characters")
        assert isinstance(entry["n"], int)
        if entry["kind"] == "sampled":
            assert entry["seed"] == 0
            assert "interval" in entry
        assert entry["value"] is not None or entry["reason"]
        if "interval" in entry:
            low, high = entry["interval"]
            assert low <= entry["value"] <= high
    assert report["raw"]["angle_w1"]["kind"] == "exact"
    for name in ("angle_ks", "angle_w1", "knn_overlap_dot_cosine"):
        assert sampled["raw"][name]["kind"] == "sampled"
        assert "interval" in sampled["raw"][name]
    assert sampled["sample"] == {"texts": 300, "of": report["texts"]["texts"]["value"], "seed": 0}


def test_intervals_of_sampled_distances_hold_the_value_of_the_whole_in_nine_of_ten_samples(
    spaces: dict[str, np.ndarray],
) -> None:
    vectors = spaces["transformed"]
    whole, generator = cosine_distribution(vectors), np.random.default_rng(0)
    true = {"angle_ks": whole.kolmogorov_smirnov.value, "angle_w1": whole.wasserstein.value}
    hits = dict.fromkeys(true, 0)
    for _ in range(20):
        part = vectors[generator.choice(len(vectors), 160, replace=False)]
        found = cosine_distribution(part)
        intervals = pair_intervals(part, {"angle_ks": found.kolmogorov_smirnov, "angle_w1": found.wasserstein})
        for name, (low, high) in intervals.items():
            hits[name] += low <= true[name] <= high
    assert min(hits.values()) >= 18


def test_names_are_those_of_the_catalogue(report: dict[str, Any]) -> None:
    plain = set(SPACE) - set(EXTENDED)
    assert set(report["raw"]) == plain - set(TRANSFORMED_ONLY)
    assert set(report["transformed"]) == plain - set(RAW_ONLY)
    assert set(report["texts"]) == set(TEXTS)


def test_moments_given_by_the_caller_give_the_same_report(
    report: dict[str, Any], bank: Snapshot, centred: Transform
) -> None:
    moments = (space_moments(bank), space_moments(bank, centred))
    assert measure(bank, centred, WHOLE, moments=KnownMoments(*moments)) == report


def test_the_histograms_of_angles_hold_every_pair_and_the_law_is_a_distribution(report: dict[str, Any]) -> None:
    n = report["texts"]["texts"]["value"] - report["texts"]["equal_vector_texts"]["value"] // 2
    for space in ("raw", "transformed"):
        angles = report["angles"][space]
        assert sum(angles["counts"]) == angles["pairs"] == math.comb(n, 2)
        assert sum(angles["law"]) == pytest.approx(1.0, abs=1e-6)
    shown = report["spectrum"]["raw"]
    assert len(shown["values"]) == 384
    assert shown["rank"] == 381
    assert all(first >= second for first, second in zip(shown["values"], shown["values"][1:], strict=False))


@pytest.mark.parametrize("count", [1, 2, 3, 12])
@pytest.mark.parametrize("kind", ["none", "center"])
def test_a_report_on_few_or_equal_texts_is_finite_and_gives_reasons(
    make_snapshot: Callable[[list[str]], Snapshot], count: int, kind: Any
) -> None:
    snapshot = make_snapshot(["the same question"] * 8 + [f"question {number}" for number in range(count - 1)])
    moments = Moments.empty(snapshot.dimension)
    for block in snapshot.vectors():
        moments.update(block)
    transform = fit(TransformConfig(kind=kind), moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
    with np.errstate(all="raise"):
        report = measure(snapshot, transform, WHOLE)
    canonical_json(report)
    assert report["raw"]["knn_overlap_dot_cosine"]["value"] is None or count > 11
    assert [warning["name"] for warning in report["warnings"]] == ["anisotropy", "few_documents"]


def test_the_vietnamese_corpus_raises_the_warnings_of_a_model_that_does_not_know_its_language(
    make_snapshot: Callable[[list[str]], Snapshot],
) -> None:
    texts = pq.read_table(EXAMPLES / "libreoffice_help" / "terms-vi.parquet")["text"].to_pylist()[:250]
    snapshot = make_snapshot([*texts, "cà phê", "ca phe", "cá phê"])
    moments = Moments.empty(snapshot.dimension)
    for block in snapshot.vectors():
        moments.update(block)
    transform = fit(TransformConfig(), moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)
    report = measure(snapshot, transform, WHOLE)
    named = {warning["name"]: warning["sentence"] for warning in report["warnings"]}
    assert "diacritics" in named["equal_vectors"]
    assert "in texts that are probably Vietnamese" in named["unknown_tokens"]
    assert report["texts"]["equal_vector_texts"]["value"] >= 3
    assert report["texts"]["unknown_share"]["value"] is not None


def test_changes_are_told_from_the_base(report: dict[str, Any], bank: Snapshot, centred: Transform) -> None:
    before = copy.deepcopy(report)
    before["texts"]["documents"]["value"] = 700
    before["raw"]["mean_cosine"]["value"] = 0.125
    changed = measure(bank, centred, WHOLE, base=Base("b" * 16, bank, before))["base"]
    assert changed["documents"] == {"before": 700, "after": 499, "change": -201}
    assert changed["raw"]["mean_cosine"]["change"] == report["raw"]["mean_cosine"]["value"] - 0.125
    assert changed["transformed"]["isoscore"]["change"] == 0
    assert (changed["same_snapshot"], changed["same_encoder"], changed["same_transform"]) == (True, True, True)


def test_a_report_survives_json(report: dict[str, Any]) -> None:
    assert json.loads(canonical_json(report)) == report
    assert len(canonical_json(report)) < 60_000


def test_a_report_s_id_follows_all_that_it_is_made_from() -> None:
    given: list[Any] = [ReportConfig(), "s", "t", "e", "b", ("lang",)]
    others: list[Any] = [ReportConfig(sample=500), "x", "x", None, None, ()]
    ids = {report_id(*given)}
    for position, other in enumerate(others):
        ids.add(report_id(*given[:position], other, *given[position + 1 :]))
    assert len(ids) == 7
    assert all(first != second for first, second in combinations(ids, 2))


def test_the_k_occurrence_is_counted_over_the_texts_of_the_sample(
    report: dict[str, Any], bank: Snapshot, centred: Transform
) -> None:
    vectors = np.unique(bank.sample(1000).vectors, axis=0)
    for space, measured in (("raw", vectors), ("transformed", centred.apply(vectors))):
        found = report["k_occurrence"][space]
        occurrence = np.zeros(len(vectors), int)
        for row in _naive_neighbours(measured.astype(np.float64)):
            occurrence[list(row)] += 1
        assert (found["k"], found["n"], found["kind"]) == (10, len(vectors), "exact")
        assert sum(found["counts"]) == len(vectors)
        assert np.abs(np.array(found["counts"]) - np.bincount(occurrence)).sum() <= 4
        assert report[space]["hubness_antihub"]["value"] == found["counts"][0] / len(vectors)


def test_norm_quantiles_are_stored_norms_that_the_share_of_documents_does_not_exceed(
    stretched: Snapshot, centred: Transform
) -> None:
    found = measure(stretched, centred, WHOLE)["raw"]
    norms = np.sort(stretched.scan().collect()["norm"].to_numpy())
    for name, share in (("norm_q05", 0.05), ("norm_median", 0.5), ("norm_q95", 0.95)):
        assert (found[name]["kind"], found[name]["n"]) == ("exact", len(norms))
        assert found[name]["value"] == np.quantile(norms, share, method="inverted_cdf")
    assert found["norm_min"]["value"] <= found["norm_q05"]["value"] < found["norm_q95"]["value"]


def test_repeated_vectors_are_counted_over_documents(report: dict[str, Any], bank: Snapshot) -> None:
    vectors = np.concatenate(list(bank.vectors()))
    assert report["texts"]["duplicate_vectors"]["value"] == len(vectors) - len(np.unique(vectors, axis=0)) >= 19


def test_the_ten_dimensions_that_the_mean_cosine_comes_from_are_listed(
    report: dict[str, Any], spaces: dict[str, np.ndarray]
) -> None:
    units = spaces["raw"] / np.linalg.norm(spaces["raw"], axis=1, keepdims=True)
    n = len(units)
    contributions = (units.sum(axis=0) ** 2 - (units**2).sum(axis=0)) / (n * (n - 1))
    listed = report["rogue_dimensions"]["raw"]
    assert [each["dimension"] for each in listed] == np.argsort(-contributions)[:10].tolist()
    assert [each["contribution"] for each in listed] == pytest.approx(np.sort(contributions)[::-1][:10].tolist())
    assert report["raw"]["rogue_share_top3"]["value"] == pytest.approx(
        np.sort(contributions)[-3:].sum() / contributions.sum(), rel=1e-9
    )
    assert "cancel" in report["transformed"]["rogue_share_top3"]["reason"]


def test_near_duplicates_are_counted_over_pairs_of_texts(report: dict[str, Any], bank: Snapshot) -> None:
    vectors = bank.sample(1000).vectors
    similar = cosines(vectors.astype(np.float64)) >= 0.99
    equal = len(vectors) - len(np.unique(vectors, axis=0))
    found = report["raw"]["near_duplicate_pairs"]
    assert found["kind"] == "exact"
    assert found["value"] + equal == similar.sum()
    assert report["transformed"]["near_duplicate_pairs"]["n"] == found["n"] == math.comb(len(vectors), 2)
