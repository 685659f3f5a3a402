"""A transform that a killed run has begun: its arrays win, whichever processor rounded them."""

import json
from pathlib import Path

import numpy as np
import pytest
from nights import embedded
from safetensors.numpy import load, save

from sphering.errors import IntegrityError
from sphering.maintenance.verify import verify
from sphering.run.finish import abandon
from sphering.run.fit import settle_transform
from sphering.store.store import Store

WHITENED = {"kind": "whiten", "form": "pca", "dimension": 16}


def rounded_otherwise(arrays):
    """Return arrays as another processor might: other last bits, other signs of eigenvectors."""
    found = {name: array * (1 + 1e-13) for name, array in arrays.items()}
    found["matrix"] = found["matrix"] * np.where(np.arange(found["matrix"].shape[1]) % 2, 1.0, -1.0)
    return found


@pytest.fixture
def begun(run, corpus, questions):
    """A configuration, and the folder of a transform of which there are the arrays alone, changed as a test says."""

    def leave(change):
        once = run(corpus(questions[:60], store="elsewhere", transform=WHITENED))["transform"]["transform"]
        config = corpus(questions[:60], transform=WHITENED)
        files = [Store.create(Path(place)).files for place in (Path(config.store).with_name("elsewhere"), config.store)]
        key = f"corpora/questions/transforms/{once}/transform.safetensors"
        files[1].create(key, change(files[0].read(key)))
        return config, files[1].path(key).parent

    return leave


def test_a_run_on_another_processor_makes_the_transform_of_the_arrays_that_are_there(begun, run):
    config, folder = begun(lambda data: save(rounded_otherwise(load(data))))
    stored = (folder / "transform.safetensors").read_bytes()
    result = run(config)
    assert (result["release_status"], result["transform"]["transform"]) == ("published", folder.name)
    assert (folder / "transform.safetensors").read_bytes() == stored
    assert json.loads((folder / "transform.json").read_bytes())["sha256"] == result["transform"]["sha256"]
    assert verify(Store.open(Path(config.store)).corpus(config.corpus)).sound


def of_fewer_directions(data):
    arrays = load(data)
    return save(arrays | {"matrix": arrays["matrix"][:, :8].copy()})


def of_another_snapshot(data):
    arrays = load(data)
    return save(arrays | {"fitted_mean": arrays["fitted_mean"] + 0.1})


@pytest.mark.parametrize("change", [of_fewer_directions, of_another_snapshot, lambda data: data[:100]])
def test_arrays_that_are_of_no_such_fit_are_refused(change, begun):
    config, folder = begun(change)
    workspace = embedded(config)
    with pytest.raises(IntegrityError, match="remove that folder") as raised:
        settle_transform(workspace)
    abandon(workspace, raised.value)
    assert raised.value.where == str(folder)
