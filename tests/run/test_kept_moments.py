"""The moments of long stretches of shards are kept, and are those of one pass over the documents."""

import hashlib
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.config.model import TransformConfig
from sphering.errors import InputError
from sphering.geometry.moments import Moments, merged
from sphering.run.kept_moments import ROWS_A_DIMENSION, Subject, stretch_moments, stretches
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot
from sphering.transform.fit import fit

DIMENSION = 6
MANIFEST = SnapshotManifest("s", "c", "e", {}, DIMENSION, "", 0, 0, 0, None, 0, True, (), (), (), None, "", "run")
LONG = ROWS_A_DIMENSION * DIMENSION
BIG, SMALL = LONG + 300, LONG - 1


@pytest.fixture
def corpus(tmp_path):
    return CorpusStore(LocalFiles(tmp_path / "store"), "c")


@pytest.fixture
def snapshot(corpus):
    """One big and one small shard, nothing dropped."""
    return written(corpus, {"big": BIG, "small": SMALL}, [])


def written(corpus, shards, dropped):
    """Write shards of random vectors and return a snapshot without the `dropped` rows, (shard, row) each."""
    entries = []
    for number, (name, rows) in enumerate(shards.items()):
        path = corpus.files.path(corpus.layout.shard("e", name))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_shard(path, table(rows, seed=number))
        entries.append(ShardEntry(name, rows, sum(shard == number for shard, _ in dropped), 0, ""))
    gone = None
    if dropped:
        gone = corpus.files.root / "dropped.parquet"
        places = np.array(dropped)
        pq.write_table(pa.table({"shard": places[:, 0].astype(np.int32), "row": places[:, 1]}), gone)
    n = sum(shards.values()) - len(dropped)
    manifest = replace(MANIFEST, documents=n, texts=n, shards=tuple(entries))
    return Snapshot(manifest, [corpus.files.path(corpus.layout.shard("e", entry.id)) for entry in entries], gone)


def table(rows, seed):
    vectors = np.random.default_rng(seed).standard_normal((rows, DIMENSION)).astype(np.float32) + 1.0
    hashes = [hashlib.sha256(f"{seed} {row}".encode()).digest() for row in range(rows)]
    return pa.table(
        {
            "doc_id": [f"{seed}-{row}" for row in range(rows)],
            "text": [f"{seed} {row}" for row in range(rows)],
            "text_hash": pa.array(sorted(hashes), pa.binary(32)),
            "metadata_hash": pa.array([bytes(32)] * rows, pa.binary(32)),
            "n_tokens": pa.array([3] * rows, pa.int32()),
            "n_unknown": pa.array([0] * rows, pa.int32()),
            "truncated": [False] * rows,
            "norm": np.linalg.norm(vectors, axis=1),
            "metadata": [f'{{"weight":{weight(seed, row)}}}' for row in range(rows)],
            "embedding": vector_array(vectors),
        },
        schema=schema(DIMENSION),
    )


def weight(seed, row):
    return (row * 7 + seed) % 11 / 4  # each eleventh is 0


def taken(corpus, snapshot, transform=None, weights=None):
    subject = Subject(transform, weights)
    return merged(stretch_moments(corpus, snapshot, each, subject) for each in stretches(snapshot.manifest))


def one_pass(snapshot, transform=None):
    moments = Moments.empty(DIMENSION)
    vectors = np.concatenate(list(snapshot.vectors()))
    moments.update(vectors if transform is None else transform.apply(vectors))
    return moments


def assert_same(left, right):
    assert (left.n, left.norm_range) == (right.n, right.norm_range)
    for name in ("mean", "covariance", "unit_sum", "unit_gram", "fourth_central", "norm_mean"):
        assert np.asarray(getattr(left, name)) == pytest.approx(np.asarray(getattr(right, name)), rel=1e-12, abs=1e-12)


def kept(corpus):
    return sorted(path.name for path in corpus.files.path(corpus.layout.shards("e")).glob("*.moments"))


def same_bits(left, right):
    ours, theirs = left.to_arrays(), right.to_arrays()
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def whitening(snapshot):
    return fit(TransformConfig(kind="whiten"), one_pass(snapshot), encoder="e", snapshot="s")


@pytest.mark.parametrize("transformed", [False, True])
def test_moments_of_stretches_merged_are_those_of_one_pass(corpus, snapshot, transformed):
    transform = whitening(snapshot) if transformed else None
    assert_same(taken(corpus, snapshot, transform), one_pass(snapshot, transform))


def test_a_second_night_does_not_read_a_long_stretch_that_is_as_it_was(corpus, snapshot):
    first = taken(corpus, snapshot)
    assert [name.split(".")[0] for name in kept(corpus)] == ["big"]
    snapshot.paths[0].unlink()
    assert same_bits(taken(corpus, snapshot), first)


def test_moments_under_another_transform_are_kept_on_their_own(corpus, snapshot):
    transform = whitening(snapshot)
    raw, image = taken(corpus, snapshot), taken(corpus, snapshot, transform)
    assert len(kept(corpus)) == 2
    assert same_bits(taken(corpus, snapshot), raw)
    assert same_bits(taken(corpus, snapshot, transform), image)
    assert not np.allclose(raw.covariance, image.covariance)


def test_dropped_documents_do_not_count_and_the_kept_moments_still_serve(corpus, snapshot):
    taken(corpus, snapshot)
    before = kept(corpus)
    later = written(corpus, {"big": BIG, "small": SMALL}, [(0, row) for row in range(5, 50)] + [(1, 7)])
    assert_same(taken(corpus, later), one_pass(later))
    assert kept(corpus) == before


def test_a_stretch_of_which_little_is_left_is_read_anew(corpus):
    snapshot = written(corpus, {"big": BIG}, [(0, row) for row in range(BIG - 20)])
    assert_same(taken(corpus, snapshot), one_pass(snapshot))


def test_whether_moments_were_kept_before_changes_no_bit(corpus):
    snapshot = written(corpus, {"big": BIG, "small": SMALL}, [(0, 3), (0, 99)])
    assert same_bits(taken(corpus, snapshot), taken(corpus, snapshot))


@given(st.lists(st.integers(1, 2 * LONG), max_size=12))
def test_stretches_hold_every_shard_once_in_order_and_new_ones_change_no_long_one(rows):
    def cut(shards):
        entries = tuple(ShardEntry(f"{number}", each, 0, 0, "") for number, each in enumerate(shards))
        return stretches(replace(MANIFEST, shards=entries))

    found = cut(rows)
    assert [position for stretch in found for position in stretch.positions] == list(range(len(rows)))
    for stretch in found:
        held = [rows[position] for position in stretch.positions]
        assert (sum(held) >= LONG and sum(held[:-1]) < LONG) if stretch.long else len(held) == 1
    lasting = [stretch for stretch in found if stretch.long]
    assert cut([*rows, 5])[: len(lasting)] == lasting


def test_small_shards_are_kept_together(corpus):
    shards = {"a": LONG // 2, "b": LONG // 3, "c": LONG // 3, "d": 50}
    snapshot = written(corpus, shards, [(0, 3), (2, 5), (3, 1)])
    transform = whitening(snapshot)
    assert_same(taken(corpus, snapshot), one_pass(snapshot))
    assert_same(taken(corpus, snapshot, transform), one_pass(snapshot, transform))
    assert [name.split(".")[0] for name in kept(corpus)] == ["a", "a"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_file_is_made_again(corpus, snapshot, damage):
    first = taken(corpus, snapshot)
    path = corpus.files.path(f"{corpus.layout.shards('e')}/{kept(corpus)[0]}")
    data = bytearray(path.read_bytes())
    whole = bytes(data)
    if damage == "flipped":
        data[-9] ^= 1
    path.write_bytes({"cut": data[:-40], "flipped": data, "empty": b""}[damage])
    assert same_bits(taken(corpus, snapshot), first)
    assert path.read_bytes() == whole


def one_weighted_pass(snapshot, dropped):
    moments = Moments.empty(DIMENSION)
    vectors = np.concatenate(list(snapshot.vectors()))
    places = [(shard, row) for shard, entry in enumerate(snapshot.manifest.shards) for row in range(entry.rows)]
    moments.update(vectors, np.array([weight(*place) for place in places if place not in dropped]))
    return moments


def test_weighted_moments_are_kept_too_and_apart(corpus):
    dropped = [(0, 3), (0, 50), (1, 9)]
    snapshot = written(corpus, {"big": BIG, "small": SMALL}, dropped)
    assert_same(taken(corpus, snapshot), one_pass(snapshot))
    found = taken(corpus, snapshot, weights="weight")
    assert_same(found, one_weighted_pass(snapshot, dropped))
    assert found.effective_n == pytest.approx(one_weighted_pass(snapshot, dropped).effective_n, rel=1e-12)
    assert len(kept(corpus)) == 2
    assert same_bits(taken(corpus, snapshot, weights="weight"), found)


def test_a_document_without_a_weight_is_named(corpus, snapshot):
    with pytest.raises(InputError, match=r"document '0-0' has no weight[\s\S]*\[transform\] weights = 'mass'"):
        taken(corpus, snapshot, weights="mass")
