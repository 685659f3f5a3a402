"""The probe pins what an identity cannot name."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.encoder import profile
from sphering.encoder.probe import PROBE_TEXTS, compare, measure, read_probe, write_probe
from sphering.errors import IntegrityError, ProbeError


def test_the_probe_has_64_different_texts():
    assert len(set(PROBE_TEXTS)) == 64


def test_an_encoder_gives_its_stored_probe_again_bit_by_bit(torch_encoder):
    stored = read_probe(write_probe(measure(torch_encoder), torch_encoder.identity.id, profile()))
    assert stored.encoder == torch_encoder.identity.id
    assert stored.profile == profile()
    result = compare(stored.vectors, measure(torch_encoder), 0.0)
    assert result.equal
    assert result.max_cosine_distance == 0.0


def test_two_backends_differ_in_bits_but_within_the_default_drift(torch_encoder, openvino_encoder):
    result = compare(measure(torch_encoder), measure(openvino_encoder), 1e-6)
    assert not result.equal
    assert 0 < result.max_cosine_distance < 1e-10


def test_another_vector_is_refused_with_its_distance(torch_encoder):
    stored = measure(torch_encoder)
    fresh = stored.copy()
    fresh[5, 0] += 0.1
    expected = 1 - float(stored[5].astype(float) @ fresh[5] / np.linalg.norm(stored[5]) / np.linalg.norm(fresh[5]))
    with pytest.raises(ProbeError, match="probe text 5"):
        compare(stored, fresh, 1e-6)
    assert compare(stored, fresh, 0.1).max_cosine_distance == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_row_without_direction_is_refused(value):
    stored = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    fresh = stored.copy()
    fresh[3] = value
    with pytest.raises(ProbeError):
        compare(stored, fresh, 0.5)


def test_another_dimension_is_refused():
    with pytest.raises(ProbeError, match="shape"):
        compare(np.zeros((64, 8), np.float32), np.zeros((64, 4), np.float32), 1.0)


def test_what_is_no_probe_is_refused(tmp_path):
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_probe(b"PAR1 no parquet")
    path = tmp_path / "probe.parquet"
    path.write_bytes(write_probe(np.ones((64, 2), np.float32), "0123456789abcdef", {}))
    assert read_probe(path).vectors.shape == (64, 2)


def test_the_compute_profile_names_what_may_change_a_bit():
    found = profile()
    assert found["threads"] >= 1
    assert found["libraries"]["numpy"] == np.__version__
    assert found["instruction_set"] != ""


def test_a_changed_compute_profile_is_found(torch_encoder, tmp_path):
    data = write_probe(measure(torch_encoder), "an encoder", {"cpu": "this one", "threads": 2})
    assert read_probe(data).profile["cpu"] == "this one"
    table = pq.read_table(pa.BufferReader(data))
    edited = table.schema.metadata | {b"sphering.profile": b'{"cpu":"that one","threads":2}'}
    pq.write_table(table.replace_schema_metadata(edited), tmp_path / "probe.parquet")
    with pytest.raises(IntegrityError, match="compute profile"):
        read_probe(tmp_path / "probe.parquet")


def test_accelerators_are_in_the_profile_of_an_encoder_that_computes_on_them(torch_encoder):
    there = SimpleNamespace(accelerators={"devices": ["NVIDIA H100"], "cuda": "13.0", "tf32": False})
    assert "accelerators" not in profile(torch_encoder)
    assert profile(torch_encoder) == profile()
    assert profile(there)["accelerators"]["devices"] == ["NVIDIA H100"]
