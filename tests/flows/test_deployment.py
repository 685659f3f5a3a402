"""Every deployment for real: a server and a worker on loopback, deployed, triggered, ended, looked at."""

from pathlib import Path

import httpx
import polars as pl
import pytest
from deployed import Api, Deployed, worker

from sphering.config.load import load
from sphering.maintenance.verify import verify
from sphering.store.refs import LATEST, PUBLISHED
from sphering.store.store import Store

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "banking77" / "banking77-200.parquet"
TRANSFORM = '\n[transform]\nkind = "center"\nrefit = "never"\n'
NEW_ENCODER = ('backend = "torch"', 'backend = "torch"\nmax_length = 64')


@pytest.fixture(scope="module")
def deployed(server, tmp_path_factory, write_config):
    """The deployments of a small corpus, made by `sphering deploy`, and a worker far from the repository."""
    folder = tmp_path_factory.mktemp("deployed")
    source = folder / "questions.parquet"
    pl.read_parquet(SAMPLE).head(150).write_parquet(source)
    found = Deployed(Api(server["PREFECT_API_URL"]), write_config(folder, TRANSFORM, source), server)
    created = found.deploy()
    assert {change["state"] for change in created.values()} == {"created"}
    with worker(server, folder):
        yield found


def _corpus(deployed):
    return Store.open(Path(load(deployed.config).store)).corpus("banking77")


def _next(deployed):
    """Write the configuration with another encoder and a channel of its own, beside the one that is deployed."""
    text = deployed.config.read_text(encoding="utf-8").replace(*NEW_ENCODER)
    path = deployed.config.with_name("next.toml")
    path.write_text(text.replace("[run]", '[run]\nchannel = "next"'), encoding="utf-8")
    return path


def test_the_nightly_deployment_publishes_a_release_and_shows_what_came_of_it(deployed):
    api, config = deployed.api, deployed.config
    nightly = api.deployment("main-job/nightly-banking77")
    assert nightly["parameters"] == {"config": str(config)}
    assert nightly["tags"] == ["sphering", "banking77"]
    assert [schedule["schedule"]["cron"] for schedule in nightly["schedules"]] == ["0 2 * * *"]
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert not nightly["pull_steps"]

    first = api.run("main-job/nightly-banking77")
    assert (first["state_type"], first["state_name"]) == ("COMPLETED", "Completed"), first["state"]["message"]
    assert first["name"] == "run-banking77"
    assert first["tags"] == ["sphering", "banking77"]
    tasks = api.post("/task_runs/filter", flow_runs={"id": {"any_": [first["id"]]}})
    assert {frozenset(task["tags"]) for task in tasks} == {frozenset()}  # or each would ask the server for limits
    assert any(task["name"].startswith("export-banking77-") for task in tasks)
    published = _corpus(deployed).refs.read("main", PUBLISHED)
    assert first["state"]["message"] == f"published: banking77, release {published.release}"

    artifacts = api.artifacts(first["id"])
    assert set(artifacts) == {f"{kind}-banking77" for kind in ("verdict", "gates", "report", "angles")}
    assert published.release in artifacts["verdict-banking77"]["data"]
    assert artifacts["angles-banking77"]["data"].startswith("data:image/png;base64,")
    assert any("150 rows read" in message for message in api.logs(first["id"]))


def test_a_refit_publishes_a_new_transform_and_encodes_nothing_and_drift_says_how_far_the_corpus_moved(deployed):
    api, corpus = deployed.api, _corpus(deployed)
    first = corpus.find_release("published")
    pl.read_parquet(SAMPLE).tail(150).write_parquet(deployed.config.parent / "questions.parquet")
    assert api.run("main-job/nightly-banking77")["state_name"] == "Completed"
    night = corpus.find_release("published")
    assert night.snapshot != first.snapshot
    assert night.transform == first.transform

    run = api.run("refit/refit-banking77")
    assert (run["state_name"], run["name"]) == ("Completed", "refit-banking77"), run["state"]["message"]
    refitted = corpus.find_release("published")
    assert refitted.snapshot == night.snapshot
    assert refitted.transform != night.transform
    assert corpus.run_record(refitted.run)["encoded"] == 0
    assert f"published: banking77, release {refitted.id}" == run["state"]["message"]

    drifted = api.run("drift/drift-banking77", days=1, max_drift=1e-6)
    assert (drifted["state_type"], drifted["state_name"]) == ("COMPLETED", "Drifted")
    artifacts = api.artifacts(drifted["id"])
    assert artifacts["angles-banking77"]["data"].startswith("data:image/png;base64,")
    page = artifacts["drift-banking77"]
    assert f"releases/{refitted.id}/report.html" in page["data"]
    assert page["description"] == drifted["state"]["message"]
    assert first.id in page["data"]
    assert refitted.id in page["data"]


def test_maintain_collects_old_things_and_removes_the_records_of_old_runs_with_all_that_belongs_to_them(deployed):
    api, corpus = deployed.api, _corpus(deployed)
    before = api.runs(flow_runs={"tags": {"all_": ["sphering", "banking77"]}})
    releases = set(corpus.release_ids())
    run = api.run("maintain/maintain-banking77", keep=0, grace_days=0, published_days=0, records_days=0)
    assert run["state_name"] == "Completed", run["state"]["message"]
    assert "flow runs removed" in api.artifacts(run["id"])["maintain-banking77"]["description"]
    assert set(corpus.release_ids()) < releases
    assert corpus.find_release("published").id in corpus.release_ids()
    left = {each["id"] for each in api.runs(flow_runs={"tags": {"all_": ["sphering", "banking77"]}})}
    gone = {each["id"] for each in before if each["state_type"] in {"COMPLETED", "FAILED"}}
    assert gone
    assert not gone & left
    of_gone = {"flow_run_id": {"any_": sorted(gone)}}
    assert api.post("/artifacts/filter", artifacts=of_gone) == []
    assert api.post("/task_runs/filter", flow_runs={"id": {"any_": sorted(gone)}}) == []
    assert verify(corpus).sound


def test_verify_fails_with_what_it_found_and_names_the_file(deployed):
    api, corpus = deployed.api, _corpus(deployed)
    run = api.run("verify/verify-banking77", reencode=10)
    assert run["state_name"] == "Completed", run["state"]["message"]
    assert "10 of " in api.artifacts(run["id"])["verify-banking77"]["data"]
    (export,) = corpus.find_release("published").exports
    file = corpus.files.path(f"{export.path}/vectors.npy")
    sound = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        failed = api.run("verify/verify-banking77", reencode=0)
    finally:
        file.write_bytes(sound)
    assert failed["state_type"] == "FAILED"
    assert "not sound" in failed["state"]["message"]
    assert "vectors.npy" in api.artifacts(failed["id"])["verify-banking77"]["data"]


def test_a_backfill_moves_published_once_and_only_where_its_bounds_pass(deployed):
    api, corpus, file = deployed.api, _corpus(deployed), _next(deployed)
    history = corpus.refs.history("main", PUBLISHED)
    before = corpus.find_release("published")
    bounds = [{"metric": "transformed.knn_overlap", "max": 0.5}]
    held = api.run("backfill/backfill-banking77", config=str(file), bounds=bounds)
    assert (held["state_type"], held["state_name"]) == ("COMPLETED", "Held"), held["state"]["message"]
    assert held["name"] == "backfill-banking77@next-into-main"
    assert "transformed.knn_overlap" in held["state"]["message"]
    assert "nothing has moved" in api.artifacts(held["id"])["backfill-banking77"]["data"]
    assert corpus.refs.history("main", PUBLISHED) == history
    aside = corpus.find_release("next/published")
    assert aside.encoder != before.encoder

    moved = api.run("backfill/backfill-banking77", config=str(file))
    assert moved["state_name"] == "Completed", moved["state"]["message"]
    tagged = {run["name"] for run in api.runs(flow_runs={"tags": {"all_": ["sphering", "banking77"]}})}
    assert {"run-banking77@next", "enter-banking77"} <= tagged
    (value,) = corpus.refs.history("main", PUBLISHED)[len(history) :]
    after = corpus.release(value.release)
    assert after.encoder == aside.encoder
    assert {corpus.manifest(release.snapshot).encoder for release in (after, aside)} == {aside.encoder}
    assert corpus.run_record(value.run)["encoded"] == 0
    assert "sphering deploy" in api.artifacts(moved["id"])["backfill-banking77"]["data"]


def test_the_night_with_the_old_file_is_refused_until_the_new_one_is_deployed(deployed):
    api, corpus = deployed.api, _corpus(deployed)
    history = corpus.refs.history("main", LATEST)
    refused = api.run("main-job/nightly-banking77")
    assert refused["state_type"] == "FAILED"
    assert "would move it back" in refused["state"]["message"]
    assert corpus.refs.history("main", LATEST) == history
    file = _next(deployed)
    file.write_text(file.read_text(encoding="utf-8").replace('"next"', '"main"'), encoding="utf-8")
    assert deployed.deploy(config=file)["main-job/nightly-banking77"]["differed"] == ["parameters"]
    night = api.run("main-job/nightly-banking77")
    assert night["state_type"] == "COMPLETED"
    assert night["state"]["message"] == f"unchanged: banking77, release {history[-1].release}"
    assert "unchanged" in api.artifacts(night["id"])["verdict-banking77"]["description"]


def test_a_backfill_without_a_configuration_is_refused_by_the_server(deployed):
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        deployed.api.start("backfill/backfill-banking77")
    assert refusal.value.response.status_code in {409, 422}


def test_the_server_refuses_parameters_that_are_no_configuration(deployed):
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        deployed.api.start("main-job/nightly-banking77", config={"corpus": 1})
    assert refusal.value.response.status_code in {409, 422}
