"""What changed since the base, against a naive comparison of dictionaries."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.report.changed_documents import changed_documents, write_changed_ids
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot

Documents = dict[str, tuple[str, str]]  # id to (text, metadata)


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Documents], Snapshot]:
    def made(documents: Documents) -> Snapshot:
        n, path = len(documents), tmp_path_factory.mktemp("changes") / "shard.parquet"
        columns = {
            "doc_id": list(documents),
            "text": [text for text, _ in documents.values()],
            "text_hash": pa.array([sha(text) for text, _ in documents.values()], pa.binary(32)),
            "metadata_hash": pa.array([sha(metadata) for _, metadata in documents.values()], pa.binary(32)),
            "n_tokens": pa.array([1] * n, pa.int32()),
            "n_unknown": pa.array([0] * n, pa.int32()),
            "truncated": pa.array([False] * n),
            "norm": pa.array([1.0] * n, pa.float32()),
            "metadata": ["{}"] * n,
            "embedding": vector_array(np.ones((n, 2), np.float32)),
        }
        write_shard(path, pa.table(columns, schema=schema(2)))
        entries = (ShardEntry("shard", n, 0, 0, ""),)
        manifest = SnapshotManifest(
            "s", "c", "e", {}, 2, "", n, n, 0, None, 0, True, (), (), entries, None, "", "tested"
        )
        return Snapshot(manifest, [path], None)

    return made


def naive(before: Documents, now: Documents) -> dict[str, int]:
    both = before.keys() & now.keys()
    appeared = Counter(text for name, (text, _) in now.items() if name not in both)
    vanished = Counter(text for name, (text, _) in before.items() if name not in both)
    moved = (appeared & vanished).total()
    return {
        "added": appeared.total() - moved,
        "retexted": sum(before[name][0] != now[name][0] for name in both),
        "relabelled": sum(before[name][0] == now[name][0] and before[name][1] != now[name][1] for name in both),
        "moved": moved,
        "removed": vanished.total() - moved,
        "unchanged": sum(before[name] == now[name] for name in both),
    }


def test_each_kind_of_change_is_counted_once(write: Callable[[Documents], Snapshot]) -> None:
    before = {
        "kept": ("a", "1"),
        "other text": ("b", "1"),
        "other label": ("c", "1"),
        "old name": ("d", "1"),
        "gone": ("e", "1"),
        "gone too": ("d", "1"),
    }
    now = {
        "kept": ("a", "1"),
        "other text": ("B", "2"),
        "other label": ("c", "2"),
        "new name": ("d", "2"),
        "new": ("f", "1"),
    }
    found = changed_documents(write(before), write(now))
    assert found == naive(before, now)
    assert found == {"added": 1, "retexted": 1, "relabelled": 1, "moved": 1, "removed": 2, "unchanged": 1}


documents = st.dictionaries(
    st.sampled_from("abcdefghij"), st.tuples(st.sampled_from("xyz"), st.sampled_from("12")), min_size=1
)


@settings(max_examples=30, deadline=None)
@given(before=documents, now=documents)
def test_the_counts_are_those_of_a_comparison_one_by_one(
    write: Callable[[Documents], Snapshot], before: Documents, now: Documents
) -> None:
    found = changed_documents(write(before), write(now))
    assert found == naive(before, now)
    assert sum(found.values()) - found["removed"] == len(now)
    assert sum(found.values()) - found["added"] == len(before)


def test_the_ids_that_differ_are_listed_with_the_id_that_a_moved_one_had(
    write: Callable[[Documents], Snapshot], tmp_path: Path
) -> None:
    before = {"kept": ("a", "1"), "text": ("b", "1"), "label": ("c", "1"), "old 1": ("d", "1"), "old 2": ("d", "1")}
    now = {"kept": ("a", "1"), "text": ("B", "1"), "label": ("c", "2"), "new 1": ("d", "1"), "new 2": ("e", "1")}
    write_changed_ids(write(before), write(now), tmp_path / "ids.parquet")
    assert pq.read_table(tmp_path / "ids.parquet").to_pylist() == [
        {"doc_id": "label", "change": "relabelled", "moved_from": None},
        {"doc_id": "new 1", "change": "moved", "moved_from": "old 1"},
        {"doc_id": "new 2", "change": "added", "moved_from": None},
        {"doc_id": "old 2", "change": "removed", "moved_from": None},
        {"doc_id": "text", "change": "retexted", "moved_from": None},
    ]


@settings(max_examples=20, deadline=None)
@given(before=documents, now=documents)
def test_every_id_that_differs_is_listed_once(
    write: Callable[[Documents], Snapshot],
    tmp_path_factory: pytest.TempPathFactory,
    before: Documents,
    now: Documents,
) -> None:
    path = tmp_path_factory.mktemp("ids") / "ids.parquet"
    write_changed_ids(write(before), write(now), path)
    rows = pq.read_table(path).to_pylist()
    counted = Counter(row["change"] for row in rows)
    assert {name: count for name, count in naive(before, now).items() if count and name != "unchanged"} == counted
    for row in rows:
        assert (row["doc_id"] in now) == (row["change"] != "removed")
        if row["change"] == "moved":
            assert now[row["doc_id"]][0] == before[row["moved_from"]][0]


def test_nothing_changed_between_a_snapshot_and_itself(write: Callable[[Documents], Snapshot]) -> None:
    same = write({"a": ("x", "1"), "b": ("x", "1")})
    assert changed_documents(same, same) == dict.fromkeys(naive({}, {}), 0) | {"unchanged": 2}
