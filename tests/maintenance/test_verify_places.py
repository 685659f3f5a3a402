"""One corruption is one finding, and its place is the file to put back."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.maintenance.verify import verify
from sphering.store.shard import EMBEDDING, vector_array, vector_rows, write_shard


def wrong(copy, selector=None):
    return [(entry["kind"], entry["name"], entry["where"]) for entry in verify(copy, selector).wrong]


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture
def release(copy):
    return copy.find_release("published")


@pytest.fixture
def shard(copy, release):
    manifest = copy.manifest(release.snapshot)
    return copy.files.path(copy.layout.shard(manifest.encoder, manifest.shards[0].id))


@pytest.fixture
def places(copy, release):
    """The documents that a release needs, by a word: what findings call them, their names, their files."""
    layout, transform = copy.layout, copy.layout.transform(release.transform)
    keys = {
        "manifest": ("snapshot", release.snapshot, layout.manifest(release.snapshot)),
        "release": ("release", release.id, layout.release(release.id)),
        "report": ("report", release.report, layout.report(release.report)),
        "transform": ("transform", release.transform, f"{transform}/transform.json"),
        "arrays": ("transform", release.transform, f"{transform}/transform.safetensors"),
        "export": ("export", "matrix", f"{release.exports[0].path}/manifest.json"),
    }
    return {word: (kind, name, copy.files.path(key)) for word, (kind, name, key) in keys.items()}


WORDS = ["manifest", "release", "report", "transform", "arrays", "export"]


@pytest.mark.parametrize("selector", [None, "published"])
@pytest.mark.parametrize("word", WORDS)
def test_a_missing_file_is_one_finding_with_its_place(copy, places, word, selector):
    kind, name, path = places[word]
    path.unlink()
    assert wrong(copy, selector) == [(kind, name, str(path))]


@pytest.mark.parametrize("selector", [None, "published"])
@pytest.mark.parametrize("word", WORDS)
def test_an_edited_file_is_one_finding_with_its_place(copy, places, word, selector):
    kind, name, path = places[word]
    flip(path)
    assert wrong(copy, selector) == [(kind, name, str(path))]


def rewritten(shard, change):
    """Write a shard anew, with other vectors."""
    table = pq.read_table(shard)
    vectors = vector_array(change(vector_rows(table[EMBEDDING])))
    index = table.schema.get_field_index(EMBEDDING)
    shard.unlink()
    write_shard(shard, table.set_column(index, table.field(EMBEDDING).with_type(vectors.type), vectors))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda vectors: vectors[:, :100], ": it is a shard of 100 dimensions, of another encoder: this one's vectors"),
        (
            lambda vectors: np.ascontiguousarray(vectors[::-1]),
            ": it is a shard of 384 dimensions, as it should be, but",
        ),
    ],
)
def test_a_whole_shard_in_the_place_of_another_is_called_one(copy, shard, change, said):
    rewritten(shard, change)
    (found,) = verify(copy).wrong
    assert found["where"] == str(shard)
    assert said in found["found"]


def test_a_parquet_file_of_other_columns_in_the_place_of_a_shard_is_called_one(copy, shard):
    table = pq.read_table(shard).drop_columns(["text"])
    pq.write_table(table, shard)
    (found,) = verify(copy).wrong
    assert found["found"].endswith(": it is a Parquet file of other columns than a shard's")


def test_what_is_no_parquet_file_is_said_to_have_other_bytes(copy, shard):
    shard.write_bytes(b"\0" * shard.stat().st_size)
    (found,) = verify(copy).wrong
    assert found["found"] == "the bytes of this shard are not those that were written"
