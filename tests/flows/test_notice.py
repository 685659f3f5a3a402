"""What a night says to the world outside, for real: a flow, a store, a listener, a text file."""

import logging
import shutil
from pathlib import Path

import polars as pl
import pytest
from prefect.client.schemas.objects import StateType
from prometheus_client.parser import text_string_to_metric_families

from sphering.config.load import load
from sphering.errors import ModelError, SourceError
from sphering.flows.launch import launch
from sphering.flows.main_job import main_job

pytestmark = pytest.mark.usefixtures("prefect_server")
TOLD = '\n[notify]\nurl_env = "A_WEBHOOK"\n\n[metrics]\nfile = "sphering.prom"\n'
MEAN = '\n[[gate]]\nmetric = "raw.mean_cosine"\nmax = -0.5\n'


@pytest.fixture(scope="module")
def first(tmp_path_factory, write_config):
    """A folder with a night that told nobody."""
    config = write_config(tmp_path_factory.mktemp("first"))
    assert main_job(config, return_state=True).is_completed()
    return config.parent


@pytest.fixture
def told(listener, monkeypatch):
    monkeypatch.setenv("A_WEBHOOK", listener.address)
    return listener


@pytest.fixture
def later(first, tmp_path):
    return Path(shutil.copytree(first, tmp_path / "later"))


def metrics(folder):
    text = (folder / "sphering.prom").read_text(encoding="utf-8")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert {(s.labels.pop("corpus"), s.labels.pop("channel")) for s in samples} == {("banking77", "main")}
    return {(s.name.removeprefix("sphering_"), *s.labels.values()): s.value for s in samples}


def outcome(series, purpose="run"):
    ends = {names[0]: value for (family, *names), value in series.items() if names[1:] == [purpose]}
    return [status for status, value in ends.items() if value]


def test_a_published_release_is_told_with_its_numbers(told, tmp_path, write_config):
    few = tmp_path / "few.parquet"
    pl.read_parquet(Path(__file__).parents[1] / "data/banking77/banking77-200.parquet").head(40).write_parquet(few)
    state = main_job(write_config(tmp_path, TOLD, source=few), return_state=True)
    result = state.result()
    (notice,) = told.posts
    assert notice["text"] == f"published: banking77, release {result['release']}"
    assert (notice["status"], notice["documents"], notice["encoded"]) == ("published", 40, 40)
    series = metrics(tmp_path)
    assert outcome(series) == ["published"]
    assert (series["documents",], series["encoded",], series["reused",], series["last_run_exit_code", "run"]) == (
        40,
        40,
        0,
        0,
    )
    assert series["gate_passed", "quarantined_share", "fail"] == 1
    assert series["documents_per_second",] == pytest.approx(40 / result["seconds"])
    assert series["published_timestamp_seconds",] <= series["last_run_timestamp_seconds", "run"]


def test_a_night_without_a_change_tells_nobody_and_is_counted(told, later, write_config):
    state = main_job(write_config(later, TOLD), return_state=True)
    assert state.result()["release_status"] == "unchanged"
    assert told.posts == []
    assert outcome(metrics(later)) == ["unchanged"]


def test_a_held_release_is_told_with_the_gate_that_holds_it(told, later, write_config):
    state = main_job(write_config(later, MEAN + TOLD), return_state=True)
    assert state.name == "Held"
    (notice,) = told.posts
    assert notice["text"].startswith("held: banking77")
    assert [gate["metric"] for gate in notice["gates_failed"]] == ["raw.mean_cosine"]
    series = metrics(later)
    assert outcome(series) == ["held"]
    assert (series["gate_passed", "raw.mean_cosine", "fail"], series["last_run_exit_code", "run"]) == (0, 3)
    assert series["gate_max", "raw.mean_cosine", "fail"] == -0.5


def test_a_failed_run_is_told_and_keeps_the_numbers_of_the_one_before(told, later, write_config):
    main_job(write_config(later, TOLD))
    before = metrics(later)
    source = later / "no-text.parquet"
    pl.DataFrame({"id": ["a"], "category": ["b"], "txet": ["c"]}).write_parquet(source)
    failed = main_job(write_config(later, TOLD, source=source), return_state=True)
    assert failed.type == StateType.FAILED
    (notice,) = told.posts
    assert notice["status"] == "failed"
    assert "txet" in notice["error"]
    after = metrics(later)
    assert outcome(after) == ["failed"]
    assert after["last_run_exit_code", "run"] == 2
    of_the_run = [name for name in before if name[0].startswith("last_run_")]
    assert {n: v for n, v in after.items() if n not in of_the_run} == {
        n: v for n, v in before.items() if n not in of_the_run
    }


def test_a_run_that_fails_before_it_has_a_workspace_is_told(told, tmp_path, write_config):
    config = write_config(tmp_path, TOLD)
    config.write_text(config.read_text().replace("[encoder]\n", '[encoder]\nmodel = "./nothing"\n'))
    failed = main_job(config, return_state=True)
    assert isinstance(failed.result(raise_on_failure=False), ModelError)
    assert [notice["status"] for notice in told.posts] == ["failed"]
    assert outcome(metrics(tmp_path)) == ["failed"]


def test_a_command_that_is_refused_before_its_flow_starts_is_told_once(told, tmp_path, write_config):
    config = load(write_config(tmp_path, TOLD, source=tmp_path / "nothing.parquet"))
    with pytest.raises(SourceError):
        launch("main_job", config)
    assert [notice["status"] for notice in told.posts] == ["failed"]


def test_where_no_text_is_kept_no_message_is_told(told, tmp_path, write_config):
    source = tmp_path / "no-text.parquet"
    pl.DataFrame({"id": ["a"], "category": ["b"], "txet": ["c"]}).write_parquet(source)
    config = write_config(tmp_path, TOLD, source=source)
    config.write_text(config.read_text().replace("[source]\n", "[source]\nkeep_text = false\n"))
    main_job(config, return_state=True)
    assert "txet" not in str(told.posts)
    assert "SourceError" in told.posts[0]["text"]


def test_only_what_is_asked_for_is_told(told, later, write_config):
    main_job(write_config(later, MEAN + TOLD.replace("[metrics]", 'on = ["failed"]\n[metrics]')), return_state=True)
    assert told.posts == []


def test_no_night_fails_for_a_notice_or_a_metric(told, later, write_config, caplog):
    caplog.set_level(logging.WARNING)
    told.answers = [404]
    (later / "sphering.prom").mkdir()
    (later / "sphering.prom" / "sphering-banking77-main.prom").mkdir()
    state = main_job(write_config(later, MEAN + TOLD), return_state=True)
    assert state.name == "Held"
    said = [record.getMessage() for record in caplog.records if record.name.startswith("sphering.")]
    assert any("no notice was sent to the address in A_WEBHOOK: it answered 404" in text for text in said)
    assert any("metrics of this run could not be written" in text for text in said)
    assert "SECRET" not in caplog.text
