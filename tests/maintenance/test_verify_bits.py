"""Where the machine gives every bit of the encoder's probe, a vector of other bits is damage, however small."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.encoder.probe import read_probe, write_probe
from sphering.identity import sha256_file
from sphering.maintenance.verify import verify
from sphering.store.documents import to_bytes
from sphering.store.shard import EMBEDDING, vector_array, vector_rows, write_shard


def edit(path, **changes):
    """Edit a JSON as somebody does who knows how to seal it."""
    path.write_bytes(to_bytes(json.loads(path.read_text()) | changes))


@pytest.fixture
def release(copy):
    return copy.find_release("published")


@pytest.fixture
def tilted(copy, release):
    """The ids of documents whose stored vectors were turned a little, by somebody who seals what he edits."""
    manifest = copy.manifest(release.snapshot)
    (entry,) = manifest.shards
    path = copy.files.path(copy.layout.shard(manifest.encoder, entry.id))
    table = pq.read_table(path)
    vectors = vector_rows(table[EMBEDDING]).copy()
    vectors[:7, 0] += np.float32(1e-5)
    path.unlink()
    index = table.schema.get_field_index(EMBEDDING)
    write_shard(path, table.set_column(index, table.field(EMBEDDING), vector_array(vectors)))
    sealed = {**entry.to_json(), "bytes": path.stat().st_size, "sha256": sha256_file(path)}
    edit(copy.files.path(copy.layout.manifest(release.snapshot)), shards=[sealed])
    assert verify(copy).sound
    return table["doc_id"].to_pylist()[:7]


def encoded_again(copy):
    done = CliRunner().invoke(app, ["verify", "--store", str(copy.files.root), "--reencode", "1000", "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_vectors_as_they_were_written_are_sound(copy):
    code, found = encoded_again(copy)
    assert (code, found["sound"], found["reencoded"]["equal"]) == (0, True, found["reencoded"]["n"])


def test_other_bits_are_damage_where_the_probe_is_equal_and_five_documents_are_named(copy, release, tilted):
    code, found = encoded_again(copy)
    (wrong,) = found["wrong"]
    assert code == 1
    assert found["reencoded"]["n"] - found["reencoded"]["equal"] == 7
    assert (wrong["kind"], wrong["name"]) == ("reencoded texts", release.snapshot)
    named = ", ".join(map(repr, tilted[:5]))
    assert wrong["found"].startswith("7 texts that were encoded again have other bits")
    assert wrong["found"].endswith(f"{named} and 2 more")


def test_other_bits_are_a_number_where_the_probe_is_of_another_machine(copy, release, tilted):
    path = copy.files.path(copy.layout.probe(release.encoder))
    stored = read_probe(path)
    path.write_bytes(write_probe(stored.vectors, stored.encoder, stored.profile | {"cpu": "another"}))
    code, found = encoded_again(copy)
    assert (code, found["sound"], found["reencoded"]["n"] - found["reencoded"]["equal"]) == (0, True, 7)


def test_other_bits_are_a_number_where_a_bit_of_the_probe_is_another(copy, release, tilted):
    path = copy.files.path(copy.layout.probe(release.encoder))
    stored = read_probe(path)
    vectors = stored.vectors.copy()
    vectors[0, 0] = np.nextafter(vectors[0, 0], np.float32(1))
    path.write_bytes(write_probe(vectors, stored.encoder, stored.profile))
    code, found = encoded_again(copy)
    assert (code, found["sound"]) == (0, True)


def test_other_bits_are_a_number_where_a_run_found_its_bits_mixed(copy, release, tilted):
    path = copy.files.path(copy.layout.run(release.run))
    edit(path, probe=json.loads(path.read_text())["probe"] | {"bits": "mixed"})
    code, found = encoded_again(copy)
    assert (code, found["sound"]) == (0, True)


def test_advice_is_to_restore_and_nothing_else(copy, release):
    copy.files.path(copy.layout.report(release.report)).unlink()
    done = CliRunner().invoke(app, ["verify", "--store", str(copy.files.root)])
    assert done.exit_code == 1
    assert "not sound: restore what is named from a backup\n" in done.stdout
