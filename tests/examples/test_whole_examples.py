"""Every example as it stands, from its own configuration to a published release that is sound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sphering.config.load import load
from sphering.maintenance.verify import verify
from sphering.store.store import Store

pytestmark = pytest.mark.soak

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENTS = {
    "banking77/sphering.toml": 13_083,
    "libreoffice_help/english-model.toml": 1_041,
    "libreoffice_help/sphering.toml": 1_161,
    "xquad/english-model.toml": 480,
    "xquad/sphering.toml": 480,
}


def test_every_example_has_its_number_of_documents_here():
    assert sorted(f"{path.parent.name}/{path.name}" for path in EXAMPLES.glob("*/*.toml")) == sorted(DOCUMENTS)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_an_example_is_published_and_sound(name, tmp_path):
    command = [str(Path(sys.executable).parent / "sphering"), "run", "--config", str(EXAMPLES / name), "--json"]
    done = subprocess.run(
        [*command, "--set", f"store={tmp_path / 'store'}"],
        env={**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["documents"], result["release_status"]) == (DOCUMENTS[name], "published")
    assert verify(Store.open(tmp_path / "store").corpus(load(EXAMPLES / name).corpus)).sound
