"""A file that is whole but another's, and counts that do not add up, are named by kind, name and place."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.encoder.probe import read_probe, write_probe
from sphering.identity import SEAL, sha256_bytes
from sphering.maintenance.verify import verify
from sphering.store.documents import to_bytes
from sphering.store.shard import write_shard


def wrong(copy, selector=None):
    return [(entry["kind"], entry["name"], entry["where"]) for entry in verify(copy, selector).wrong]


def edit(path, **changes):
    """Edit a JSON as somebody does who knows how to seal it."""
    document = json.loads(path.read_text())
    path.write_bytes(to_bytes(document | changes))


@pytest.fixture
def release(copy):
    return copy.find_release("published")


@pytest.fixture
def shard(copy, release):
    manifest = copy.manifest(release.snapshot)
    return copy.files.path(copy.layout.shard(manifest.encoder, manifest.shards[0].id))


def test_a_shard_of_another_encoder_under_this_name_is_found(copy, shard):
    table = pq.read_table(shard)
    vectors = np.asarray(table["embedding"].combine_chunks().flatten())[::-1].copy()
    swapped = pa.FixedSizeListArray.from_arrays(pa.array(vectors), type=table["embedding"].type)
    shard.unlink()
    write_shard(shard, table.set_column(table.schema.get_field_index("embedding"), table.field("embedding"), swapped))
    assert wrong(copy) == [("shard", shard.stem, str(shard))]


def test_a_shard_that_two_manifests_describe_differently_is_found(copy, release, shard):
    path = copy.files.path(copy.layout.manifest(release.snapshot))
    entries = [entry.to_json() for entry in copy.manifest(release.snapshot).shards]
    edit(path, shards=[entries[0] | {"rows": entries[0]["rows"] + 1}])
    assert wrong(copy) == [("shard", shard.stem, str(shard))]


@pytest.mark.parametrize("kind", ["snapshot", "release", "report", "run"])
def test_a_document_of_another_name_in_this_place_is_found(copy, release, kind):
    key, name = {
        "snapshot": (copy.layout.manifest(release.snapshot), "id"),
        "release": (copy.layout.release(release.id), "id"),
        "report": (copy.layout.report(release.report), "id"),
        "run": (copy.layout.run(release.run), "run"),
    }[kind]
    path = copy.files.path(key)
    edit(path, **{name: "0123456789abcdef"})
    named = path.parent.name
    assert (kind, named, str(path)) in wrong(copy)


def test_a_manifest_of_other_documents_under_this_name_is_found(copy, release):
    path = copy.files.path(copy.layout.manifest(release.snapshot))
    edit(path, content_digest="0" * 64)
    assert wrong(copy) == [("snapshot", release.snapshot, str(path))]


def test_a_manifest_in_place_of_a_release_and_a_release_in_place_of_a_manifest_are_found(copy, release):
    paths = [copy.files.path(copy.layout.manifest(release.snapshot)), copy.files.path(copy.layout.release(release.id))]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)
    found = wrong(copy)
    assert ("snapshot", release.snapshot, str(paths[0])) in found
    assert ("release", release.id, str(paths[1])) in found


def test_an_exports_manifest_that_another_run_wrote_is_found(copy, release):
    path = copy.files.path(f"{release.exports[0].path}/manifest.json")
    edit(path, libraries={"sphering": "another"})
    assert wrong(copy) == [("export", "matrix", str(path))]


def test_a_missing_probe_is_found(copy, release):
    path = copy.files.path(copy.layout.probe(release.encoder))
    path.unlink()
    assert wrong(copy) == [("probe", release.encoder, str(path))]


def test_a_probe_of_another_encoder_is_found(copy, release):
    path = copy.files.path(copy.layout.probe(release.encoder))
    stored = read_probe(path)
    path.write_bytes(write_probe(stored.vectors, "0123456789abcdef", stored.profile))
    assert wrong(copy) == [("probe", release.encoder, str(path))]


def test_a_ref_whose_history_has_a_gap_is_found(copy, release):
    value = copy.refs.read("main", "latest")
    folder = copy.files.path(copy.layout.ref("main", "latest"))
    edit(folder / f"{value.number:08d}.json", number=value.number + 1)
    assert wrong(copy) == [("ref", "main/latest", str(folder))]


def test_a_run_that_lost_a_row_is_found(copy, release):
    path = copy.files.path(copy.layout.run(release.run))
    record = json.loads(path.read_text())
    edit(path, rows_read=record["rows_read"] + 1)
    (found,) = verify(copy).wrong
    assert (found["kind"], found["name"], found["where"]) == ("run", release.run, str(path))
    expected = f"{record['rows_read'] + 1} rows read, {record['documents']} source documents + 1 quarantined"
    assert expected in found["found"]


def test_a_run_that_deleted_and_carried_documents_adds_up(copy, release):
    path = copy.files.path(copy.layout.run(release.run))
    record = json.loads(path.read_text())
    counts = {"rows_read": record["rows_read"] - 10 + 3, "carried": 10, "deleted": 3}
    edit(path, **counts, source_documents=record["source_documents"] - 10)
    assert verify(copy).sound


def test_a_run_from_before_source_documents_were_counted_adds_up(copy, release):
    path = copy.files.path(copy.layout.run(release.run))
    record = json.loads(path.read_text())
    for name in ("source_documents", "chunks", "refused", "chunk"):
        del record[name]
    path.write_bytes(to_bytes({name: value for name, value in record.items() if name != SEAL}))
    assert verify(copy).sound
    edit(path, rows_read=record["rows_read"] + 1)
    assert [entry["kind"] for entry in verify(copy).wrong] == ["run"]


def test_quarantined_rows_that_are_fewer_than_were_counted_are_found(copy, release):
    path = copy.files.path(copy.layout.quarantine(release.run))
    pq.write_table(pq.read_table(path).slice(1), path)
    record = copy.files.path(copy.layout.run(release.run))
    edit(record, quarantine_sha256=sha256_bytes(path.read_bytes()))
    assert wrong(copy) == [("run", release.run, str(path))]


def test_an_export_that_lost_a_document_is_found(copy, release):
    path = copy.files.path(f"{release.exports[0].path}/manifest.json")
    edit(path, excluded=1)
    entry = release.exports[0].to_json() | {"manifest_sha256": sha256_bytes(path.read_bytes())}
    edit(copy.files.path(copy.layout.release(release.id)), exports=[entry])
    assert wrong(copy) == [("export", "matrix", str(path))]


def test_one_snapshot_is_verified_by_its_release_or_by_its_own_name(copy, release, shard):
    shard.write_bytes(shard.read_bytes()[:-1])
    expected = [("shard", shard.stem, str(shard))]
    assert wrong(copy, "published") == wrong(copy, release.snapshot) == expected
    shutil.rmtree(copy.files.path(copy.layout.releases))
    assert wrong(copy, release.snapshot) == expected
    assert Path(shard).exists()
