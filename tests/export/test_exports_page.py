"""The programs of docs/exports.md that decode fewer bits are executed as they stand, and lose what manifests say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sphering.config.export import ExportConfig
from sphering.export.make import make_export
from sphering.export.protocol import ExportJob
from sphering.store.local_files import LocalFiles

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"
EXPORTS = {
    "float16": {"dtype": "float16"},
    "int8": {"dtype": "int8"},
    "binary": {"dtype": "binary"},
    "cut": {"truncate_dim": 128},
}


def programs():
    section = PAGE.read_text(encoding="utf-8").partition("## Fewer bits\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.mark.parametrize("scale", [None, "dimension"])
def test_every_way_to_decode_finds_what_the_manifest_says(
    tmp_path, monkeypatch, bank, bank_snapshot, bank_matrix, whitened, scale
):
    raw = (bank.vectors[:200:2] + bank.vectors[1:200:2]) / np.float32(2)
    query = whitened.apply(raw)
    exact = query.astype(np.float64) @ np.array(bank_matrix.vectors(), np.float64).T
    least = np.sort(exact, axis=1)[:, -10:-9] - 1e-6
    monkeypatch.chdir(tmp_path)
    assert len(programs()) == len(EXPORTS)
    for program, (name, keys) in zip(programs(), EXPORTS.items(), strict=True):
        keys = {**keys, **({"scale": scale} if name == "int8" and scale else {})}
        config = ExportConfig.model_validate({"name": name, "format": "npy", **keys})
        job = ExportJob(config, bank_matrix, bank_snapshot, whitened, tmp_path / "scratch" / name, queries=raw)
        manifest = make_export(LocalFiles(tmp_path / "store"), name, job)
        (tmp_path / name).symlink_to(tmp_path / "store" / name)
        assert f'"{name}/vectors.npy"' in program
        assert len(program.split("\n\n")[1].splitlines()) <= 3
        names = {"query": query}
        exec(program, names)
        found = np.argsort(-names["scores"], axis=1, kind="stable")[:, :10]
        recall = (np.take_along_axis(exact, found, axis=1) >= least).mean()
        assert recall == pytest.approx(manifest["recall_at_10"]["value"], abs=0.004), name
