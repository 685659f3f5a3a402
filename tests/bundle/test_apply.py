"""apply.py: the transform for vectors from elsewhere, with NumPy and its own folder alone."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from sphering.bundle.arrays import write_arrays
from sphering.bundle.query import Bundle
from sphering.config.model import NormaliseConfig
from sphering.errors import SpheringError

KINDS = [
    {"kind": "none"},
    {"kind": "center"},
    {"kind": "standard"},
    {"kind": "abtt"},
    {"kind": "whiten"},
    {"kind": "whiten", "form": "pca", "dimension": 64},
]


def _load(transform, folder):
    folder.mkdir(exist_ok=True)
    write_arrays(transform, folder)
    spec = importlib.util.spec_from_file_location("apply", folder / "apply.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.apply


@pytest.fixture(scope="module")
def center(side):
    return side({"kind": "center"})


@pytest.fixture
def apply(center, tmp_path):
    return _load(center.bundle.transform, tmp_path)


@pytest.mark.parametrize("transform", KINDS, ids=lambda each: "-".join(map(str, each.values())))
def test_it_is_the_transform(side, transform, tmp_path):
    one = side(transform)
    found = _load(one.bundle.transform, tmp_path)(one.raw, encoder=one.bundle.encoder.identity.id)
    assert found.dtype == np.float32
    assert np.abs(found - one.bundle.transform.apply(one.raw)).max() < 1.3e-7


def _spoiled(raw, what):
    wrong = raw[:4].copy()
    wrong[2, 5] = what
    return wrong


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda raw, mean: raw[:, :-1], "shape"),
        (lambda raw, mean: raw[0], "shape"),
        (lambda raw, mean: _spoiled(raw, np.nan), "NaN or infinite"),
        (lambda raw, mean: _spoiled(raw, np.inf), "NaN or infinite"),
        (lambda raw, mean: raw * np.float32(30), "not of this encoder"),
        (lambda raw, mean: np.vstack([raw[:50], mean[None]]), "nothing of a vector"),
        (lambda raw, mean: np.vstack([raw[:50], 0 * mean[None]]), "nothing of a vector"),
    ],
    ids=["dimension", "one row", "NaN", "infinity", "scale", "mean", "zero"],
)
def test_it_refuses_what_the_bundle_refuses(center, apply, spoil, said):
    wrong = spoil(center.raw, center.bundle.transform.mean.astype(np.float32))
    with pytest.raises(SpheringError):
        center.bundle.apply(wrong)
    with pytest.raises(ValueError, match=said):
        apply(wrong)


def test_it_refuses_vectors_of_another_encoder_by_their_id(center, apply):
    with pytest.raises(ValueError, match=f"{'0' * 16}.*{center.bundle.encoder.identity.id}"):
        apply(center.raw, encoder="0" * 16)


def test_it_refuses_vectors_that_move_what_the_encoder_never_moves(side, fit_on, tmp_path, center):
    raw = center.raw
    mixed = np.random.default_rng(0).standard_normal((400, len(raw))).astype(np.float32) / len(raw) ** 0.5 @ raw
    fitted = fit_on(mixed, center.bundle.encoder.identity.id, kind="center")
    assert fitted.dead
    apply = _load(fitted, tmp_path)
    assert len(apply(mixed[:5])) == 5
    with pytest.raises(ValueError, match="not of this encoder"):
        apply(np.roll(mixed[:5], 5, axis=1))
    with pytest.raises(SpheringError):
        Bundle(center.bundle.encoder, NormaliseConfig(), fitted).apply(np.roll(mixed[:5], 5, axis=1))


def test_it_takes_lists_of_numbers_as_a_hosted_model_sends_them_and_none_at_all(center, apply):
    assert np.array_equal(apply(center.raw[:2].tolist()), apply(center.raw[:2]))
    assert apply(center.raw[:0]).shape == (0, 384)


def test_it_needs_numpy_and_its_own_folder_alone(center, tmp_path):
    _load(center.bundle.transform, tmp_path)
    np.save(tmp_path / "raw.npy", center.raw)
    code = (
        "import sys, runpy, numpy as np; before = {n.split('.')[0] for n in sys.modules};"
        f"apply = runpy.run_path({str(tmp_path / 'apply.py')!r})['apply'];"
        f"np.save({str(tmp_path / 'unit.npy')!r}, apply(np.load({str(tmp_path / 'raw.npy')!r})));"
        "print(sorted({n.split('.')[0] for n in sys.modules} - before - set(sys.stdlib_module_names) - {'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    found = np.load(tmp_path / "unit.npy")
    assert np.abs(found - center.bundle.transform.apply(center.raw)).max() < 1.3e-7


def test_it_has_about_a_dozen_statements(center, tmp_path):
    _load(center.bundle.transform, tmp_path)
    tree = ast.parse((tmp_path / "apply.py").read_text(encoding="utf-8"))
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "apply")
    assert len(function.body) - 1 <= 15
