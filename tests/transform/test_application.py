"""A transform gives each row the same bits in any batch, keeps its files honest, and knows what is noise."""

import base64
import json
import threading

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.errors import FormatError, InputError, IntegrityError
from sphering.geometry.moments import Moments
from sphering.identity import canonical_json, seal
from sphering.transform import TRANSFORM_VERSION, Transform, fit

pytestmark = pytest.mark.filterwarnings("error")
D = 96


def fitted(vectors, **settings):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return fit(TransformConfig(**settings), moments, encoder="e" * 16, snapshot="s" * 16)


def cloud(n, d=D, seed=0):
    return (np.random.default_rng(seed).standard_normal((n, d)) * np.geomspace(1, 0.02, d) + 0.3).astype(np.float32)


SETTINGS = {
    "none": {"kind": "none"},
    "center": {"kind": "center"},
    "standard": {"kind": "standard"},
    "abtt": {"kind": "abtt", "components": 3},
    "zca": {"kind": "whiten"},
    "pca 37": {"kind": "whiten", "form": "pca", "dimension": 37},
    "cholesky": {"kind": "whiten", "form": "cholesky"},
    "pca-cor 20": {"kind": "whiten", "form": "pca-cor", "dimension": 20, "shrinkage": "ledoit-wolf"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_row_has_the_same_bits_in_any_batch_under_any_thread_count(name):
    from threadpoolctl import threadpool_limits

    x = cloud(20_000)
    transform = fitted(x, **SETTINGS[name])
    whole = transform.apply(x)
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous
    for threads in (1, 2):
        with threadpool_limits(threads):
            for size in (20_000, 1000, 257):
                parts = np.concatenate([transform.apply(x[i : i + size]) for i in range(0, len(x), size)])
                assert np.array_equal(parts, whole), (threads, size)
            for i in (0, 1, 511, 512, 777, 19_999):
                assert np.array_equal(transform.apply(x[i : i + 1]), whole[i : i + 1]), (threads, i)


def test_the_product_before_the_cast_has_the_same_bits_at_every_padded_size():
    from threadpoolctl import threadpool_limits

    generator = np.random.default_rng(0)
    for d, k in ((384, 384), (384, 100), (96, 37)):
        x, w = generator.standard_normal((1024, d)), generator.standard_normal((d, k))
        with threadpool_limits(1):
            whole = x @ w
            for rows in (64, 128, 192, 512):
                parts = np.concatenate([x[i : i + rows] @ w for i in range(0, 1024, rows)])
                assert np.array_equal(parts, whole), (d, k, rows)


def test_rows_apply_in_parallel_threads_as_alone():
    x = cloud(9000)
    transform = fitted(x, kind="whiten")
    whole, found = transform.apply(x), {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: transform.apply(x)})) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[i], whole) for i in range(3))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_row_has_norm_one_and_the_value_of_the_formula(name):
    x = cloud(700)
    transform = fitted(x, **SETTINGS[name])
    z = x.astype(np.float64) - transform.mean
    z = z if transform.matrix is None else z @ transform.matrix
    z /= np.linalg.norm(z, axis=1)[:, None]
    found = transform.apply(x)
    assert found.shape == (700, transform.dimension_out)
    assert np.abs(found - z).max() < 1e-7
    assert np.abs(np.linalg.norm(found.astype(float), axis=1) - 1).max() < 2e-7


@pytest.mark.parametrize("name", SETTINGS)
def test_the_files_give_back_the_same_transform(name):
    x = cloud(500)
    transform = fitted(x, **SETTINGS[name])
    files = transform.to_files()
    assert set(files) == {"transform.json", "transform.safetensors"}
    revived = Transform.from_files(files["transform.json"], files["transform.safetensors"])
    assert np.array_equal(revived.apply(x), transform.apply(x))
    assert revived.to_files() == files
    assert revived.sha256 == transform.sha256
    assert (revived.kind, revived.parameters, revived.rank, revived.n) == (
        transform.kind, transform.parameters, transform.rank, 500,
    )  # fmt: skip
    assert fitted(x, **SETTINGS[name]).to_files() == files


def test_a_changed_byte_in_either_file_is_found():
    files = fitted(cloud(300), kind="whiten").to_files()
    document, tensors = files["transform.json"], files["transform.safetensors"]
    with pytest.raises(IntegrityError, match="SHA-256"):
        Transform.from_files(document.replace(b'"n":300', b'"n":301'), tensors)
    with pytest.raises(IntegrityError, match="tensors"):
        Transform.from_files(document, tensors[:-1] + bytes([tensors[-1] ^ 1]))
    for broken in (b"", b"{", b"[]", b"{}", document[:-5]):
        with pytest.raises(IntegrityError):
            Transform.from_files(broken, tensors)


def test_a_changed_digit_that_a_number_does_not_have_is_found():
    files = fitted(cloud(300), kind="whiten", power=0.30000000000000004).to_files()
    document = files["transform.json"].replace(b"0.30000000000000004", b"0.30000000000000005")
    assert json.loads(document) == json.loads(files["transform.json"])
    with pytest.raises(IntegrityError, match="other bytes"):
        Transform.from_files(document, files["transform.safetensors"])


# What version 1 wrote for 5 vectors of 2 dimensions, kind = "whiten", shrinkage = 0.25.
VERSION_1_JSON = (
    b'{"dead":[],"dimension_in":2,"dimension_out":2,"encoder":"eeeeeeeeeeeeeeee","fitted_on":"ssssssssssss'
    b'ssss","kind":"whiten","n":5,"parameters":{"dimension":null,"form":"zca","power":1.0,"shrinkage":0.25'
    b',"weights":"documents"},"rank":2,"sha256":"b50ec69233d5dc92a5cfc2e700f1aa93eeab1feca282a0e94d16a9da5'
    b'e37dccd","tensors":{"bytes":448,"file":"transform.safetensors","sha256":"54e2b4eb2b41a1ae9a7d8c41cbf'
    b'd46c4cfffc0d4ab9d246da8b1c5b109d47fc7"},"version":1,"warnings":["fitted on 5 vectors of 2 dimensions'
    b'; below 10 small eigenvalues are poorly known: use shrinkage or a smaller power"]}'
)
VERSION_1_TENSORS = base64.b64decode(
    "SAEAAAAAAAB7ImZpdHRlZF9jb3ZhcmlhbmNlIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsyLDJdLCJkYXRhX29mZnNldHMiOlsw"
    "LDMyXX0sImZpdHRlZF9tZWFuIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMzIsNDhdfSwibWF0"
    "cml4Ijp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsyLDJdLCJkYXRhX29mZnNldHMiOls0OCw4MF19LCJtZWFuIjp7ImR0eXBlIjoi"
    "RjY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbODAsOTZdfSwic3BlY3RydW0iOnsiZHR5cGUiOiJGNjQiLCJzaGFwZSI6"
    "WzJdLCJkYXRhX29mZnNldHMiOls5NiwxMTJdfX0gICAgICAgAAAAAAAABEAAAAAAAAD0PwAAAAAAAPQ/ZmZmZmZmCkAAAAAAAAAA"
    "QM3MzMzMzARAZ9GPTS665D9VCjZmeDm6v1UKNmZ4Obq/dUtYbhqh4j8AAAAAAAAAQM3MzMzMzARASCbv/onZEECuMxDRpGb5Pw=="
)


def test_files_of_version_1_open_with_their_bytes_and_their_sha256():
    transform = Transform.from_files(VERSION_1_JSON, VERSION_1_TENSORS)
    assert transform.version == 1
    assert transform.sha256 == "b50ec69233d5dc92a5cfc2e700f1aa93eeab1feca282a0e94d16a9da5e37dccd"
    assert list(transform.to_files().values()) == [VERSION_1_JSON, VERSION_1_TENSORS]
    assert transform.apply(np.array([[1, 0]], np.float32)).tolist() == [[-0.260897159576416, -0.9653666019439697]]
    assert (transform.inverse, transform.shrinkage) == (None, 0.25)
    again = fitted(np.array([[1, 2], [3, 1], [2, 5], [4, 4], [0, 1]], np.float32), kind="whiten", shrinkage=0.25)
    assert transform.noise_level == pytest.approx(again.noise_level, rel=0.3)
    assert transform.matrix == pytest.approx(again.matrix, rel=1e-12)


def test_a_transform_keeps_its_inverse_and_its_share_in_its_files():
    x = cloud(500)
    for settings in ({"shrinkage": "oas"}, {"form": "pca", "dimension": 9}):
        transform = fitted(x, kind="whiten", **settings)
        revived = Transform.from_files(*transform.to_files().values())
        assert np.array_equal(revived.inverse, transform.inverse)
        assert (revived.shrinkage, revived.noise_level) == (transform.shrinkage, transform.noise_level)
        assert json.loads(transform.to_files()["transform.json"])["shrinkage"] == transform.shrinkage


def test_a_newer_version_is_refused():
    files = fitted(cloud(300), kind="center").to_files()
    newer = canonical_json(seal({**json.loads(files["transform.json"]), "version": TRANSFORM_VERSION + 1}))
    with pytest.raises(FormatError, match=f"version {TRANSFORM_VERSION + 1}"):
        Transform.from_files(newer, files["transform.safetensors"])


def test_a_transform_cannot_be_changed():
    transform = fitted(cloud(300), kind="whiten")
    with pytest.raises(AttributeError):
        transform.kind = "none"
    with pytest.raises(ValueError, match="read-only"):
        transform.matrix[0, 0] = 1.0


def test_what_is_only_rounding_becomes_a_zero_row():
    x = cloud(2000)
    transform = fitted(x, kind="center")
    at_the_mean = transform.mean.astype(np.float32)[None]
    near = at_the_mean + np.float32(1e-3)
    rows = np.concatenate([at_the_mean, near, np.zeros((1, D), np.float32)])
    norms = np.linalg.norm(transform.apply(rows).astype(float), axis=1)
    assert norms == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)


def test_without_a_map_a_small_vector_keeps_its_direction_and_only_zero_is_zero():
    transform = fitted(cloud(2000), kind="none")
    rows = np.zeros((3, D), np.float32)
    rows[0, 0], rows[1, 1] = 1e-30, 5.0
    assert transform.apply(rows).sum(axis=1).tolist() == [1.0, 1.0, 0.0]


def test_vectors_of_one_point_leave_nothing_after_centring():
    x = np.full((100, D), 0.1, np.float32)
    assert not fitted(x, kind="center").apply(x).any()


def test_no_rows_and_half_precision_rows_are_taken():
    x = cloud(500)
    transform = fitted(x, kind="whiten")
    assert transform.apply(x[:0]).shape == (0, D)
    assert (
        np.abs(transform.apply(x.astype(np.float16)) - transform.apply(x.astype(np.float16).astype(np.float32))).max()
        == 0
    )


def test_wrong_vectors_are_refused_with_their_place():
    x = cloud(2000)
    transform = fitted(x, kind="whiten")
    for value in (np.nan, np.inf):
        bad = x.copy()
        bad[1500, 7] = value
        with pytest.raises(InputError, match="row 1500"):
            transform.apply(bad)
    with pytest.raises(InputError, match=r"shape \(5, 4\)"):
        transform.apply(np.ones((5, 4), np.float32))
    with pytest.raises(InputError, match="int"):
        transform.apply(np.ones((5, D), dtype=np.int32))
