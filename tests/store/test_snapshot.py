"""A snapshot's reader against plain lists."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import EMBEDDING, schema, shard_id, vector_array, vector_rows, write_shard
from sphering.store.snapshot import Snapshot

DIMENSION = 5


def sha(text):
    return hashlib.sha256(text.encode()).digest()


def shard_table(documents):
    documents = sorted(documents, key=lambda document: (sha(document[1]), document[0]))
    vectors = np.array([vector_of(text) for _, text in documents], np.float32).reshape(-1, DIMENSION)
    n = len(documents)
    return pa.table(
        {
            "doc_id": pa.array([doc_id for doc_id, _ in documents], pa.string()),
            "text": pa.array([text for _, text in documents], pa.string()),
            "text_hash": pa.array([sha(text) for _, text in documents], pa.binary(32)),
            "metadata_hash": pa.array([sha("{}")] * n, pa.binary(32)),
            "n_tokens": pa.array([3] * n, pa.int32()),
            "n_unknown": pa.array([None] * n, pa.int32()),
            "truncated": pa.array([False] * n),
            "norm": pa.array([1.0] * n, pa.float32()),
            "metadata": pa.array(["{}"] * n, pa.string()),
            EMBEDDING: vector_array(vectors),
        },
        schema=schema(DIMENSION),
    )


def vector_of(text):
    return np.frombuffer(sha(text)[:20], np.uint8).reshape(DIMENSION, 4).sum(axis=1).astype(np.float32)


def build(folder, shards, dropped):
    paths, entries = [], []
    for number, documents in enumerate(shards):
        table = shard_table(documents)
        path = folder / f"{number}.parquet"
        write_shard(path, table)
        paths.append(path)
        gone = sum(1 for shard, _ in dropped if shard == number)
        entries.append(
            ShardEntry(shard_id("e", table, keep_text=True), table.num_rows, gone, path.stat().st_size, "0" * 64)
        )
    gone_path = None
    if dropped:
        gone_path = folder / "dropped.parquet"
        shard_column = pa.array([shard for shard, _ in dropped], pa.int32())
        pq.write_table(
            pa.table({"shard": shard_column, "row": pa.array([row for _, row in dropped], pa.int64())}), gone_path
        )
    manifest = SnapshotManifest(
        "s", "c", "e", {}, DIMENSION, "", 0, 0, 0, None, 0, True, (), (), tuple(entries), None, "", "run"
    )
    return Snapshot(manifest, paths, gone_path)


def surviving(shards, dropped):
    out = []
    for number, documents in enumerate(shards):
        ordered = sorted(documents, key=lambda document: (sha(document[1]), document[0]))
        out += [document for row, document in enumerate(ordered) if (number, row) not in set(dropped)]
    return out


documents = st.lists(
    st.lists(st.tuples(st.text(min_size=1, max_size=4), st.sampled_from("abcdefgh")), min_size=1, max_size=12),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(shards=documents, data=st.data())
def test_reading_equals_the_documents_that_were_not_dropped(tmp_path_factory, shards, data):
    seen = set()
    shards = [[d for d in shard if d[0].isprintable() and not (d[0] in seen or seen.add(d[0]))] for shard in shards]
    shards = [shard for shard in shards if shard]
    places = [(number, row) for number, shard in enumerate(shards) for row in range(len(shard))]
    dropped = (
        data.draw(st.lists(st.sampled_from(places), unique=True, max_size=len(places) - 1)) if len(places) > 1 else []
    )
    if not shards:
        return
    snapshot = build(tmp_path_factory.mktemp("snapshot"), shards, sorted(dropped))
    expected = surviving(shards, dropped)
    batches = list(snapshot.batches(["doc_id", "text"], rows=3))
    assert [(row["doc_id"], row["text"]) for batch in batches for row in batch.to_pylist()] == expected
    vectors = np.concatenate(list(snapshot.vectors(rows=4)))
    assert np.array_equal(vectors, np.array([vector_of(text) for _, text in expected]))
    assert sorted(snapshot.scan().collect()["doc_id"].to_list()) == sorted(d for d, _ in expected)
    sample = snapshot.sample(3)
    texts = sorted({text for _, text in expected}, key=sha)[:3]
    assert [bytes(row) for row in sample.text_hashes] == [sha(text) for text in texts]
    assert np.array_equal(sample.vectors, np.array([vector_of(text) for text in texts]))
    assert sample.doc_ids == [min((d for d, t in expected if t == text), key=str.encode) for text in texts]


def test_vectors_are_taken_in_any_order_with_repeats(tmp_path):
    shards = [[(f"{n}", f"text {n}") for n in range(50)], [(f"x{n}", f"other {n}") for n in range(20)]]
    snapshot = build(tmp_path, shards, [])
    generator = np.random.default_rng(0)
    picked_shards = generator.integers(0, 2, 30).astype(np.int32)
    rows = np.array([generator.integers(0, 50 if shard == 0 else 20) for shard in picked_shards])
    stored = [vector_rows(pq.read_table(path)[EMBEDDING]) for path in snapshot.paths]
    expected = np.array([stored[shard][row] for shard, row in zip(picked_shards, rows, strict=True)])
    assert np.array_equal(snapshot.take(picked_shards, rows), expected)


def test_a_shard_is_named_by_its_rows_in_order():
    table = shard_table([("a", "x"), ("b", "y")])
    other = shard_table([("a", "x"), ("c", "y")])
    assert shard_id("e", table, keep_text=True) == shard_id("e", table.slice(0, 2).combine_chunks(), keep_text=True)
    assert shard_id("e", table, keep_text=True) != shard_id("e", other, keep_text=True)
    assert shard_id("e", table, keep_text=True) != shard_id("f", table, keep_text=True)
    assert shard_id("e", table, keep_text=True) != shard_id("e", table, keep_text=False)


def test_the_id_of_a_slice_is_that_of_its_rows():
    table = shard_table([(str(n), str(n)) for n in range(6)])
    part = table.slice(2, 3)
    copied = pa.Table.from_pylist(part.to_pylist(), schema=part.schema)
    assert shard_id("e", part, keep_text=True) == shard_id("e", copied, keep_text=True)


def test_vectors_are_a_fixed_size_list_for_every_arrow_reader(tmp_path):
    write_shard(tmp_path / "s.parquet", shard_table([("a", "x")]))
    field = pq.read_schema(tmp_path / "s.parquet").field(EMBEDDING)
    assert pa.types.is_fixed_size_list(field.type)
    assert field.type.list_size == DIMENSION


def test_a_missing_shard_is_an_integrity_error(tmp_path):
    from sphering.errors import IntegrityError

    snapshot = build(tmp_path, [[("a", "x")]], [])
    snapshot.paths[0].unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        list(snapshot.vectors())
