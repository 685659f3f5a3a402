"""The traps of runs that nobody watches, each on a machine that has it, and on one that has not."""

import os
import socket
from pathlib import Path

import pytest
from prefect.settings.constants import DEFAULT_PREFECT_HOME

from sphering.doctor import disk, memory, runner, scheduler, telling
from sphering.doctor.examine import examine
from sphering.run import cluster

GIGABYTE = 1 << 30


def found(findings, check):
    (finding,) = (one for one in findings if one.check == check)
    assert (finding.state == "ok") or finding.mend
    return finding


@pytest.mark.parametrize(
    ("asked", "available", "state"),
    [("1GB", 8, "ok"), ("1GB", 2, "ok"), ("1500MB", 2, "warns"), ("2.5GB", 2, "fails"), ("64MB", 1.5, "ok")],
)
def test_memory_that_the_control_group_does_not_allow_is_named(configured, monkeypatch, asked, available, state):
    monkeypatch.setattr(memory, "available_memory", lambda: int(available * GIGABYTE))
    finding = found(memory.check(configured(f'[run]\nmemory = "{asked}"\n')), "memory")
    assert finding.state == state
    assert asked in finding.found


def test_without_notice_and_metrics_there_is_nothing_to_look_at(configured):
    assert list(telling.check(configured())) == []


@pytest.mark.parametrize(
    ("address", "state"),
    [(None, "warns"), ("", "warns"), ("hooks.example/SECRET", "warns"), ("https://h/SECRET", "ok")],
)
def test_a_notice_without_an_address_is_warned_of_and_no_address_is_shown(configured, monkeypatch, address, state):
    monkeypatch.delenv("A_WEBHOOK", raising=False)
    if address is not None:
        monkeypatch.setenv("A_WEBHOOK", address)
    finding = found(telling.check(configured('[notify]\nurl_env = "A_WEBHOOK"\n')), "notify")
    assert finding.state == state
    assert "A_WEBHOOK" in finding.found
    assert "SECRET" not in finding.found + finding.mend


def test_a_metrics_file_that_can_be_written_leaves_nothing_behind(configured, tmp_path):
    finding = found(telling.check(configured('[metrics]\nfile = "x.prom"\n')), "metrics")
    assert finding.state == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.toml"]


def test_a_metrics_file_in_a_folder_that_is_not_there_is_named(configured, tmp_path):
    finding = found(telling.check(configured('[metrics]\nfile = "nowhere/x.prom"\n')), "metrics")
    assert finding.state == "warns"
    assert str(tmp_path / "nowhere") in finding.found + finding.mend


def test_a_metrics_file_of_another_corpus_is_named(configured, tmp_path):
    (tmp_path / "x.prom").write_text('sphering_documents{corpus="other",channel="main"} 1\n')
    finding = found(telling.check(configured('[metrics]\nfile = "x.prom"\n')), "metrics")
    assert finding.state == "warns"
    assert "other" in finding.found


def test_a_store_without_hard_links_is_named(configured, monkeypatch):
    def refuses(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuses)
    finding = found(disk.check(configured()), "store")
    assert finding.state == "fails"
    assert "hard links" in finding.found


@pytest.mark.parametrize(("seconds", "state"), [(20, "warns"), (59, "warns"), (120, "ok")])
def test_a_start_up_limit_that_a_busy_machine_exceeds_is_warned_of(settings, seconds, state):
    settings(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS=seconds)
    assert found(scheduler.check(""), "start-up").state == state


@pytest.mark.parametrize(("seconds", "state"), [(None, "warns"), (30, "ok"), (180, "ok")])
def test_a_worker_without_heartbeats_is_warned_of(settings, seconds, state):
    settings(PREFECT_FLOWS_HEARTBEAT_FREQUENCY=seconds)
    assert found(scheduler.check("http://127.0.0.1:9/api"), "heartbeats").state == state


@pytest.mark.parametrize(
    ("url", "address", "state"),
    [
        ("", "sqlite+aiosqlite:////srv/prefect.db", "warns"),
        ("http://127.0.0.1:9/api", "sqlite+aiosqlite:////srv/prefect.db", "ok"),
        ("", "postgresql+asyncpg://prefect:SECRET@db/prefect", "ok"),
        ("", f"sqlite+aiosqlite:///{DEFAULT_PREFECT_HOME}/prefect.db", "ok"),
    ],
)
def test_a_sqlite_file_that_runs_would_share_without_a_server_is_warned_of(settings, url, address, state):
    settings(PREFECT_API_DATABASE_CONNECTION_URL=address)
    finding = found(scheduler.check(url), "prefect database")
    assert finding.state == state
    assert "SECRET" not in finding.found


def test_deployments_without_a_server_are_warned_of(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert found(scheduler.check(""), "schedule").state == "ok"
    (tmp_path / "prefect.yaml").write_text("deployments: []\n")
    assert found(scheduler.check(""), "schedule").state == "warns"
    assert [one.check for one in scheduler.check("http://127.0.0.1:9/api") if one.check == "schedule"] == []


def test_every_file_of_the_doctor_is_asked(monkeypatch, configured):
    folder = Path(scheduler.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "asking", "examine", "finding"}
    asked = set()
    for name in files:
        module = __import__(f"sphering.doctor.{name}", fromlist=["check"])
        monkeypatch.setattr(module, "check", lambda *_, name=name: asked.add(name) or ())
    examine(configured())
    assert asked == files


def test_threads_of_the_run_itself_need_no_cluster(configured):
    assert list(runner.check(configured())) == []


def test_a_cluster_that_does_not_answer_fails_before_the_night_and_one_that_does_is_fine(configured):
    pytest.importorskip("prefect_dask")
    distributed = pytest.importorskip("distributed")

    def asked(address):
        return found(runner.check(configured(f'[run]\nrunner = "dask"\naddress = "{address}"\n')), "runner")

    with distributed.LocalCluster(n_workers=1, processes=False, protocol="tcp", dashboard_address=None) as there:
        assert asked(there.scheduler_address).state == "ok"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        dumb = asked(address)
    gone = asked(address)
    assert (dumb.state, gone.state) == ("fails", "fails")
    assert "stays silent" in dumb.found
    assert "nothing answers" in gone.found


def test_a_runner_that_is_not_installed_fails_with_the_command_that_installs_it(configured, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    missing = found(runner.check(configured('[run]\nrunner = "ray"\n')), "runner")
    assert missing.state == "fails"
    assert missing.mend == 'pip install "sphering[ray]"'
