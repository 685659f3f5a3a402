"""A sample of texts, encoded again, gives the stored vectors, or verification says by how much it does not."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sphering.cli.app import app
from sphering.errors import IdentityError, InputError
from sphering.maintenance.findings import Findings
from sphering.maintenance.reencode import check_reencodable, reencode
from sphering.store.documents import to_bytes
from sphering.store.shard import write_shard


def again(copy, count, seed=0):
    findings = Findings()
    reencode(findings, copy, copy.find_release("published"), count, seed)
    return findings


def tilt(copy, amount):
    """Turn every stored vector a little, as another version of a library would."""
    release = copy.find_release("published")
    manifest = copy.manifest(release.snapshot)
    path = copy.files.path(copy.layout.shard(manifest.encoder, manifest.shards[0].id))
    table = pq.read_table(path)
    vectors = np.asarray(table["embedding"].combine_chunks().flatten()).reshape(-1, manifest.dimension).copy()
    vectors[:, 0] += np.float32(amount)
    turned = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), type=table["embedding"].type)
    path.unlink()
    write_shard(path, table.set_column(table.schema.get_field_index("embedding"), table.field("embedding"), turned))
    return path


def test_the_same_encoder_gives_every_bit_again(copy, questions):
    findings = again(copy, 10)
    found = findings.to_json()["reencoded"]
    assert findings.sound
    assert (found["n"], found["texts"], found["seed"], found["equal"]) == (10, len(questions), 0, 10)
    assert (found["max_difference"], found["max_cosine_distance"], found["max_drift"]) == (0.0, 0.0, 1e-6)


def test_no_more_texts_are_drawn_than_there_are(copy, questions):
    assert again(copy, 1000).reencoded.n == len(questions)


def test_a_drift_within_the_bound_is_told_and_one_beyond_it_is_a_finding(copy):
    tilt(copy, 1e-5)
    within = again(copy, 10)
    assert within.sound
    assert within.reencoded.equal == 0
    assert within.reencoded.max_difference == pytest.approx(1e-5, rel=0.01)
    assert 0 < within.reencoded.max_cosine_distance < 1e-6
    path = tilt(copy, 0.1)
    beyond = again(copy, 10)
    (wrong,) = beyond.wrong
    assert (wrong["kind"], wrong["name"]) == ("reencoded texts", beyond.reencoded.snapshot)
    assert wrong["found"].startswith("10 of 10 texts")
    assert wrong["where"].startswith(str(path))


def test_another_model_than_the_releases_is_refused(copy):
    path = copy.files.path(copy.layout.release(copy.find_release("published").id))
    document = json.loads(path.read_text())
    path.write_bytes(to_bytes(document | {"encoder_config": document["encoder_config"] | {"max_length": 8}}))
    with pytest.raises(IdentityError):
        again(copy, 10)


def test_texts_that_are_not_kept_cannot_be_encoded_again(copy):
    release = copy.find_release("published")
    path = copy.files.path(copy.layout.manifest(release.snapshot))
    path.write_bytes(to_bytes(json.loads(path.read_text()) | {"keep_text": False}))
    with pytest.raises(InputError, match="cannot be encoded again: it keeps none"):
        check_reencodable(copy, release)


def test_the_command_tells_what_was_encoded_again_and_exits_with_1_beyond_the_bound(copy):
    asked = ["verify", "--store", str(copy.files.root), "--reencode", "5"]
    plain = CliRunner().invoke(app, asked)
    assert plain.exit_code == 0, plain.output
    assert "encoded again: 5 of" in plain.output
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert set(found) == {"sound", "checked", "wrong", "skipped", "reencoded"}
    assert found["reencoded"]["equal"] == 5
    tilt(copy, 0.1)
    damaged = CliRunner().invoke(app, [*asked, "--json"])
    assert damaged.exit_code == 1
    assert json.loads(damaged.stdout)["reencoded"] is None
