"""Small and mostly dropped shards are written anew, oldest first, for at most twice the bytes of what is new."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.maintenance.verify import verify
from sphering.run.compaction import BUDGET, Staying, shards_to_rewrite
from sphering.store.store import Store


@pytest.mark.parametrize(
    ("documents", "rows", "expected"),
    [(50, 100, []), (49, 100, [0]), (24, 24, [0]), (25, 25, []), (100, 100, [])],
    ids=["half stays", "less than half stays", "less than a quarter of a unit", "a quarter of a unit", "full"],
)
def test_a_shard_is_written_anew_where_it_is_mostly_dropped_or_small(documents, rows, expected):
    assert shards_to_rewrite([Staying(0, documents, 10, rows)], unit_rows=100, new_bytes=1000) == expected


def test_the_oldest_go_first_and_what_does_not_fit_is_left():
    staying = [Staying(0, 1, 30, 10), Staying(3, 1, 90, 10), Staying(4, 1, 60, 10), Staying(7, 1, 20, 10)]
    assert shards_to_rewrite(staying, unit_rows=100, new_bytes=50) == [0, 4]


def test_where_nothing_is_new_nothing_is_written_again():
    assert shards_to_rewrite([Staying(0, 1, 1, 100)], unit_rows=100, new_bytes=0) == []


@given(
    sizes=st.lists(st.tuples(st.integers(1, 100), st.integers(1, 1000))),
    unit_rows=st.integers(1, 200),
    new_bytes=st.integers(0, 2000),
)
def test_no_more_than_twice_the_new_bytes_are_written_again(sizes, unit_rows, new_bytes):
    staying = [Staying(shard, documents, size, 100) for shard, (documents, size) in enumerate(sizes)]
    chosen = shards_to_rewrite(staying, unit_rows, new_bytes)
    assert sum(sizes[shard][1] for shard in chosen) <= BUDGET * new_bytes
    assert chosen == sorted(set(chosen))


def test_many_small_nights_leave_few_shards_and_the_snapshot_of_a_full_rebuild(run, corpus, questions):
    texts = {"unit_rows": 40}
    for size in range(60, 121, 6):
        config = corpus(questions[:size], run=texts)
        result = run(config)
    store = Store.open(Path(config.store)).corpus("questions")
    manifest = store.manifest(result["snapshot"])
    assert len(manifest.shards) < 8  # without it there were 12
    assert result["encoded"] == 6
    assert verify(store).sound
    rebuilt = run(corpus(questions, store="rebuilt", run=texts))
    assert rebuilt["snapshot"] == result["snapshot"]
    exports = [
        Path(store_of) / entry["path"] / "vectors.npy"
        for store_of, found in ((config.store, result), (Path(config.store).with_name("rebuilt"), rebuilt))
        for entry in found["exports"]
    ]
    assert exports[0].read_bytes() == exports[1].read_bytes()
