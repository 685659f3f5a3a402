"""What flows that make no release of their own say to the world outside: verify, maintain, drift, a held backfill."""

import html
import shutil
from pathlib import Path

import polars as pl
import pytest
from deployed import Api
from prometheus_client.parser import text_string_to_metric_families

from sphering.config.model import GateConfig
from sphering.flows.backfill import backfill
from sphering.flows.drift import drift
from sphering.flows.main_job import main_job
from sphering.flows.maintain import maintain
from sphering.flows.verify import verify

pytestmark = pytest.mark.usefixtures("prefect_server")
TOLD = '\n[notify]\nurl_env = "A_WEBHOOK"\n\n[metrics]\nfile = "metrics"\n'
SAMPLE = Path(__file__).parents[1] / "data" / "banking77" / "banking77-200.parquet"
CORPUS = "checked"


@pytest.fixture(scope="module")
def night(tmp_path_factory, write_config):
    """A folder with a night over few questions."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "metrics").mkdir()
    pl.read_parquet(SAMPLE).head(40).write_parquet(folder / "few.parquet")
    config = write_config(folder, TOLD, source=folder / "few.parquet")
    config.write_text(config.read_text().replace('"banking77"', f'"{CORPUS}"', 1))
    assert main_job(config, return_state=True).is_completed()
    return folder


@pytest.fixture
def config(night, tmp_path):
    """The configuration of a copy of it, which a test may harm."""
    folder = Path(shutil.copytree(night, tmp_path / "night"))
    config = folder / "sphering.toml"
    config.write_text(config.read_text().replace(str(night), str(folder)))
    return config


@pytest.fixture
def told(listener, monkeypatch):
    monkeypatch.setenv("A_WEBHOOK", listener.address)
    return listener


def ends(config, purpose):
    """What the metrics say of a purpose: what came of it, and whether it ever went well."""
    file = config.parent / "metrics" / f"sphering-{CORPUS}-main.prom"
    families = text_string_to_metric_families(file.read_text(encoding="utf-8"))
    samples = [s for family in families for s in family.samples if s.labels.get("purpose") == purpose]
    outcomes = [s.labels["outcome"] for s in samples if s.name == "sphering_last_run_outcome" and s.value]
    return outcomes, any(s.name == "sphering_last_success_timestamp_seconds" for s in samples)


def event(prefect_api, state):
    """The event of a flow run."""
    api, run, own, count = Api(prefect_api), str(state.state_details.flow_run_id), [], 0
    while not own:
        found = api.events("sphering.", f"sphering.corpus.{CORPUS}", count + 1)
        assert len(found) > count, "the flow run emitted no event"
        own, count = [each for each in found if each["payload"]["flow_run"] == run], len(found)
    return own[0]


def test_a_sound_store_is_told_to_machines_alone(told, config, prefect_api):
    state = verify(config, reencode=0, return_state=True)
    assert state.message.startswith(f"sound: {CORPUS}")
    assert told.posts == []
    assert ends(config, "verify") == (["finished"], True)
    assert ends(config, "run") == (["published"], True)
    said = event(prefect_api, state)
    assert (said["event"], said["payload"]["purpose"]) == ("sphering.run.finished", "verify")


def test_a_damaged_store_is_told_with_what_is_damaged_and_where_to_look(told, config, prefect_api):
    (file,) = config.parent.glob("store/corpora/*/exports/*/vectors.npy")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    state = verify(config, reencode=0, return_state=True)
    assert state.is_failed()
    (notice,) = told.posts
    assert (notice["status"], notice["purpose"], notice["exit_code"]) == ("failed", "verify", 1)
    assert notice["text"].startswith(f"failed: verify of {CORPUS}, IntegrityError: not sound")
    assert "vectors.npy" in notice["error"]
    assert notice["url"].endswith(f"/runs/flow-run/{notice['flow_run']}")
    assert notice["flow_run"] == str(state.state_details.flow_run_id)
    assert ends(config, "verify") == (["failed"], False)
    assert event(prefect_api, state)["event"] == "sphering.run.failed"


def test_maintenance_is_told_to_machines_alone(told, config, prefect_api):
    state = maintain(config, records_days=3650, return_state=True)
    assert told.posts == []
    assert ends(config, "maintain") == (["finished"], True)
    assert event(prefect_api, state)["payload"]["text"] == state.message


def test_a_drift_beyond_its_bound_is_told_with_the_two_releases(told, config, prefect_api):
    pl.read_parquet(SAMPLE).tail(40).write_parquet(config.parent / "few.parquet")
    main_job(config)
    told.posts.clear()
    state = drift(config, days=1, max_drift=1e-6, return_state=True)
    assert state.name == "Drifted"
    (notice,) = told.posts
    assert (notice["status"], notice["purpose"]) == ("drifted", "drift")
    assert notice["text"].startswith(f"drifted: {CORPUS}, drift ")
    assert notice["release"] != notice["base"]
    assert [gate["metric"] for gate in notice["gates_failed"]] == ["raw.drift"]
    assert ends(config, "drift") == (["drifted"], False)
    assert event(prefect_api, state)["event"] == "sphering.run.drifted"


def test_a_backfill_tells_each_of_its_runs_once_and_that_a_bound_holds_it(told, config, prefect_api):
    other = config.with_name("next.toml")
    text = config.read_text().replace('backend = "torch"', 'backend = "torch"\nmax_length = 64')
    other.write_text(text.replace("[run]", '[run]\nchannel = "next"'))
    bound = GateConfig(metric="transformed.knn_overlap", max=0.5)
    state = backfill(other, bounds=(bound,), return_state=True)
    assert state.name == "Held"
    aside, held = told.posts
    assert aside["text"].startswith(f"published: {CORPUS}@next, release")
    assert (held["status"], held["purpose"], held["channel"]) == ("held", "backfill", "main")
    assert held["text"] == html.escape(state.message)
    assert [gate["metric"] for gate in held["gates_failed"]] == ["transformed.knn_overlap"]
    assert event(prefect_api, state)["event"] == "sphering.release.held"


def test_a_backfill_that_is_refused_is_told_once(told, config):
    assert backfill(config, return_state=True).is_failed()
    (notice,) = told.posts
    assert notice["text"].startswith(f"failed: backfill of {CORPUS}, ConfigError")
