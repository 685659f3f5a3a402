"""Search settings chosen by the recall that they reach."""

from __future__ import annotations

import pytest

from sphering.config.export import FaissConfig
from sphering.export.formats.ladder import partitions
from sphering.export.make import make_export
from sphering.export.protocol import ExportJob
from sphering.export.recall.tune import Tried, chosen, flights
from sphering.export.verify import verify_export
from sphering.geometry.estimate import Estimate
from sphering.store.local_files import LocalFiles
from tests.export.indexes import job_of

KEY = "corpora/tested/exports/0123456789abcdef"
OTHER = "corpora/tested/exports/0123456789abcde0"


@pytest.fixture
def export(tmp_path, bank_snapshot, whitened, bank_matrix):
    def make(key=KEY, queries=None, **options):
        store = LocalFiles(tmp_path / "store")
        config = FaissConfig(name="index", format="faiss", **options)
        job = ExportJob(config, bank_matrix, bank_snapshot, whitened, tmp_path / "scratch", queries=queries)
        return make_export(store, key, job), store

    return make


def test_the_fastest_setting_that_reaches_the_recall_by_its_lower_bound_is_in_the_index(export):
    import faiss

    from sphering.export.formats.faiss.layers import read_settings

    manifest, store = export(index="IVF32,Flat", recall_at_10=0.95)
    assert manifest["recall_at_10"]["interval"][0] >= 0.95
    assert manifest["settings"]["nprobe"] > 1
    assert read_settings(faiss.read_index(str(store.path(f"{KEY}/index.faiss")))) == manifest["settings"]
    tried = manifest["tuning"]
    assert [entry["settings"]["nprobe"] for entry in tried] == partitions(32)[: len(tried)]
    assert all(entry["recall_at_10"]["interval"][0] < 0.95 for entry in tried[:-1])
    assert tried[-1]["settings"] == manifest["settings"]
    assert verify_export(store, KEY) == manifest


def test_a_lower_recall_needs_fewer_lists(export):
    loose, _ = export(KEY, index="IVF32,Flat", recall_at_10=0.5)
    strict, _ = export(OTHER, index="IVF32,Flat", recall_at_10=0.95)
    assert loose["settings"]["nprobe"] < strict["settings"]["nprobe"]


def test_a_setting_that_reaches_a_recall_of_raw_vectors_misses_it_of_whitened_ones_and_the_manifest_says_so(
    tmp_path, debian_snapshot, fitted
):
    """Whitening raises the intrinsic dimension: of IVF256, .867 became .719 with the same lists."""

    def made(kind, **options):
        table, folder = {"format": "faiss", "index": "IVF32,Flat", **options}, tmp_path / f"{kind}-{options}"
        job = job_of(table, debian_snapshot, fitted(debian_snapshot, kind), folder)
        return make_export(LocalFiles(folder / "store"), KEY, job)

    raw = made("none", recall_at_10=0.9)
    kept = made("whiten", nprobe=raw["settings"]["nprobe"])
    assert raw["recall_at_10"]["interval"][0] >= 0.9 > kept["recall_at_10"]["interval"][1]
    again = made("whiten", recall_at_10=0.9)
    assert again["settings"]["nprobe"] > raw["settings"]["nprobe"]
    assert again["recall_at_10"]["interval"][0] >= 0.9


def test_where_no_setting_reaches_it_the_best_one_is_kept_and_all_are_told(export):
    manifest, _ = export(index="IVF32,SQ4", recall_at_10=0.9999)
    best = max(entry["recall_at_10"]["value"] for entry in manifest["tuning"])
    assert manifest["recall_at_10"]["value"] == pytest.approx(best, abs=1e-9)
    assert manifest["recall_at_10"]["interval"][0] < 0.9999


def test_given_queries_choose_the_setting(export, bank):
    manifest, _ = export(queries=bank.vectors[:200], index="HNSW16", recall_at_10=0.9)
    assert "evaluation" in manifest["recall_at_10"]["method"]
    assert manifest["recall_at_10"]["n"] == 200


def test_a_ladder_falls_into_flights_in_which_settings_only_rise():
    ladder = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": 2, "b": 2}]
    assert list(flights(ladder)) == [ladder[:2], ladder[2:]]
    assert list(flights([])) == []


def test_of_those_that_reach_the_recall_the_fastest_is_chosen_and_else_the_one_that_finds_most():
    def tried(recall, speed):
        return Tried({"ef": int(speed)}, Estimate(recall, "sampled", 100, 0, (recall - 0.02, recall + 0.02)), speed)

    entries = [tried(0.9, 500.0), tried(0.97, 300.0), tried(0.98, 400.0)]
    assert chosen(entries, 0.95).queries_per_second == 400.0
    assert chosen(entries, 0.99).recall.value == 0.98
