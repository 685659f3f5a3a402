"""The extended report: measured where it is asked for, and nowhere else; its numbers say how they were measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sphering.config.model import GateConfig, ReportConfig
from sphering.errors import ConfigError
from sphering.gate.names import check_names
from sphering.identity import canonical_json
from sphering.report.catalogue import EXTENDED, RAW_ONLY, SPACE, TRANSFORMED_ONLY
from sphering.report.identity import report_id
from sphering.report.numbers import measure
from sphering.store.snapshot import Snapshot
from sphering.transform.affine import Transform

WHOLE = ReportConfig(sample=1000, extended=True)
PART = ReportConfig(sample=300, extended=True)


@pytest.fixture(scope="module")
def report(bank: Snapshot, centred: Transform) -> dict[str, Any]:
    return measure(bank, centred, WHOLE)


def test_it_has_every_metric_of_the_catalogue(report: dict[str, Any]) -> None:
    assert set(report["raw"]) == set(SPACE) - set(TRANSFORMED_ONLY)
    assert set(report["transformed"]) == set(SPACE) - set(RAW_ONLY)
    canonical_json(report)


def test_every_number_has_a_value_or_its_reason(report: dict[str, Any]) -> None:
    without = {name: entry["reason"] for name, entry in report["raw"].items() if entry["value"] is None}
    assert without == {}
    without = {name: entry["reason"] for name, entry in report["transformed"].items() if entry["value"] is None}
    assert set(without) <= {"rogue_share_top3", "vmf_kappa"}


def test_its_numbers_are_those_of_the_definitions(report: dict[str, Any], bank: Snapshot) -> None:
    raw = np.concatenate(list(bank.vectors())).astype(np.float64)
    sigma = np.linalg.svd(raw, compute_uv=False)
    found = report["raw"]
    assert found["stable_rank"]["value"] == pytest.approx(np.sum(sigma**2) / sigma[0] ** 2, rel=1e-9)
    assert found["nesum"]["value"] == pytest.approx(1 / found["explained_variance_top1"]["value"], rel=1e-9)
    assert isinstance(found["marchenko_pastur_above"]["value"], int)
    texts = np.unique(bank.sample(1000).vectors, axis=0).astype(np.float64)
    directions = np.linalg.svd(raw)[2]
    sums = np.exp(texts @ np.concatenate([directions, -directions]).T).sum(axis=0)
    assert found["partition_isotropy"]["value"] == pytest.approx(sums.min() / sums.max(), rel=1e-6)


def test_a_sample_says_so_with_intervals(bank: Snapshot, centred: Transform) -> None:
    found = measure(bank, centred, PART)
    for space in ("raw", "transformed"):
        for name in ("partition_isotropy", "twonn_dimension", "mle_dimension"):
            entry = found[space][name]
            low, high = entry["interval"]
            assert entry["kind"] == "sampled"
            assert low <= entry["value"] <= high


def test_a_plain_report_is_another_one_and_has_none_of_it(bank: Snapshot, centred: Transform) -> None:
    plain = measure(bank, centred, ReportConfig(sample=300))
    assert not set(EXTENDED) & {*plain["raw"], *plain["transformed"]}
    given = ("s", "t", None, None, ())
    assert report_id(PART, *given) != report_id(ReportConfig(sample=300), *given)


def test_a_gate_on_an_extended_number_asks_for_an_extended_report() -> None:
    for metric in ("raw.rankme", "transformed.mle_dimension_change", "vmf_kappa"):
        gate = GateConfig(metric=metric, max=1.0)
        check_names([gate], [], evaluated=False, extended=True)
        with pytest.raises(ConfigError, match="extended"):
            check_names([gate], [], evaluated=False)
