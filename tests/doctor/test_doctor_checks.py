"""The doctor's checks, on this machine and on ones that are broken on purpose."""

import http.server
import json
import os
import subprocess
import sys
import threading
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.doctor import clock, disk, extras, model, packages, server, switches, threads
from sphering.doctor.examine import examine
from sphering.encoder import identify
from sphering.run.begin import settle_encoder
from sphering.store.documents import to_bytes
from sphering.store.store import Store


def states(findings):
    return [finding.state for finding in findings]


@pytest.mark.parametrize(
    ("prefect", "fastapi", "sqlalchemy", "named"),
    [
        ("3.8.8", "0.150.0", "2.0.58", None),
        ("3.9.1", "0.150.0", "2.0.58", None),
        ("3.8.8", "0.165.0", "2.0.58", "fastapi"),
        ("3.8.8", "0.155.0", "2.0.58", "fastapi"),
        ("3.8.8", "1.0", "2.0.58", "fastapi"),
        ("3.8.8", "0.150.0", "2.1.0b1", "sqlalchemy"),
        ("3.8.8", "0.150.0", "2.1.3", "sqlalchemy"),
        ("2.20.0", "0.150.0", "2.0.58", "prefect"),
        (None, "0.150.0", "2.0.58", "prefect"),
        ("3.8.8", None, "2.0.58", "fastapi"),
        ("3.8.8", "0.150.0", None, "sqlalchemy"),
    ],
)
def test_a_package_that_breaks_prefect_is_named_with_the_command_that_mends_it(prefect, fastapi, sqlalchemy, named):
    finding = packages.prefect_with_partners(prefect, {"fastapi": fastapi, "sqlalchemy": sqlalchemy})
    assert finding.state == ("ok" if named is None else "fails")
    if named is not None:
        assert named in finding.found
        assert finding.mend.startswith("pip install ")
        assert f'"{named}>=' in finding.mend


def test_packages_that_both_break_prefect_are_mended_by_one_command():
    finding = packages.prefect_with_partners("3.8.8", {"fastapi": "0.155.0", "sqlalchemy": "2.1.0"})
    assert "does not start" in finding.found
    assert "schedules no run" in finding.found
    assert finding.mend == 'pip install "fastapi>=0.139,<0.151" "sqlalchemy>=2.0.40,<2.1"'


def test_what_the_doctor_asks_for_is_what_the_package_asks_for():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {one.mend for one in packages.PARTNERS} < set(project["dependencies"])


def test_the_versions_installed_here_work_together():
    assert states(packages.check()) == ["ok", "ok"]


def test_unset_telemetry_switches_are_fine_because_commands_set_them(monkeypatch):
    for name in ("PREFECT_SERVER_ANALYTICS_ENABLED", "DO_NOT_TRACK", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    assert states(switches.check()) == ["ok"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("PREFECT_SERVER_ANALYTICS_ENABLED", "true"), ("DO_NOT_TRACK", "0"), ("HF_HUB_DISABLE_TELEMETRY", "false")],
)
def test_an_environment_that_switches_telemetry_on_is_warned_of(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    loud = [finding for finding in switches.check() if finding.state == "warns"]
    assert [name in finding.found and name in finding.mend for finding in loud] == [True]


def test_without_an_address_no_server_is_needed():
    assert states(server.check("")) == ["ok"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/api", "localhost:4200/api"])
def test_a_server_that_does_not_answer_is_named(url):
    (finding,) = server.check(url)
    assert finding.state == "fails"
    assert url in finding.found


def test_a_server_that_answers_is_fine():
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Health) as listener:
        threading.Thread(target=listener.handle_request, daemon=True).start()
        assert states(server.check(f"http://127.0.0.1:{listener.server_port}/api/")) == ["ok"]


@pytest.mark.parametrize("place", ["environment", "profile"])
def test_the_server_that_a_run_would_use_is_asked_wherever_its_address_stands(tmp_path, place):
    url = "http://127.0.0.1:9/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(tmp_path)
    if place == "environment":
        environment["PREFECT_API_URL"] = url
    else:
        (tmp_path / "profiles.toml").write_text(f'active = "night"\n[profiles.night]\nPREFECT_API_URL = "{url}"\n')
    done = subprocess.run(
        [sys.executable, "-m", "sphering.cli", "doctor", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    (found,) = (entry for entry in json.loads(done.stdout)["checks"] if entry["check"] == "server")
    assert found["state"] == "fails"
    assert url in found["found"]


def test_every_extra_is_named_with_its_command_where_it_is_missing():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["optional-dependencies"].keys()
    named = {finding.check.removeprefix("extra ") for finding in extras.check()}
    assert named == declared - {"test", "lint"}


def test_the_default_model_opens(configured):
    (finding,) = model.check(configured())
    assert finding.state == "ok"
    assert "384 dimensions" in finding.found


@pytest.mark.skipif(find_spec("openvino") is None, reason="without openvino there is one backend")
def test_the_model_is_opened_under_the_backend_that_the_corpus_has_pinned(configured):
    config = configured()
    corpus = Store.create(Path(config.store)).corpus(config.corpus)
    settle_encoder(config.encoder, corpus, pin=True)
    (pin,) = corpus.files.children(corpus.layout.pins)
    corpus.files.replace(f"{corpus.layout.pins}/{pin}", to_bytes({"model": "", "backend": "torch"}))
    (finding,) = model.check(config)
    assert f"encoder {identify(SentenceTransformersConfig(), 'torch').id}, backend torch" in finding.found


def test_looking_at_the_model_writes_nothing(configured, tmp_path):
    list(model.check(configured()))
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.toml"]


def test_a_missing_model_fails_with_the_ways_to_provide_one(configured):
    (finding,) = model.check(configured('[encoder]\nmodel = "./nothing"\n'))
    assert finding.state == "fails"
    assert "pip install" in finding.mend


def test_a_store_that_can_be_written_leaves_nothing_behind(configured, tmp_path):
    findings = list(disk.check(configured()))
    assert findings[0].state == "ok"
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.toml"]


def test_a_store_of_a_newer_version_fails(configured, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.json").write_bytes(to_bytes({"format": 99}))
    finding = next(iter(disk.check(configured())))
    assert finding.state == "fails"
    assert finding.mend == "upgrade sphering"


def test_a_store_below_a_file_fails(configured, tmp_path):
    (tmp_path / "store").write_text("no folder")
    assert next(iter(disk.check(configured()))).state == "fails"


@pytest.mark.parametrize(("free", "state"), [(100 << 20, "fails"), (1 << 30, "warns"), (10 << 30, "ok")])
def test_a_full_disk_is_seen_before_a_run_meets_it(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert disk.space("disk", tmp_path).state == state


def test_the_clock_of_this_machine_is_right(configured):
    assert states(clock.check(configured())) == ["ok"]


def test_a_run_in_the_future_is_a_wrong_clock(configured, tmp_path):
    Store.create(tmp_path / "store")
    (tmp_path / "store" / "corpora" / "c" / "runs" / "29990101T000000Z-00000000").mkdir(parents=True)
    (finding,) = clock.check(configured())
    assert finding.state == "warns"
    assert "in the future" in finding.found


def test_more_threads_than_cores_are_warned_of(monkeypatch, configured):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert states(threads.check(None)) == ["ok"]
    assert states(threads.check(configured("[run]\nworkers = 64\n"))) == [
        "warns" if (os.cpu_count() or 1) < 64 else "ok"
    ]
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    (finding,) = threads.check(None)
    assert finding.state == "warns"
    assert finding.mend == "unset OMP_NUM_THREADS"


def test_a_check_that_breaks_is_a_finding_and_not_a_crash(monkeypatch):
    def broken():
        raise RuntimeError("no metadata")

    monkeypatch.setattr(packages, "check", broken)
    findings = examine(None)
    assert findings[0].state == "fails"
    assert "no metadata" in findings[0].found
    assert len(findings) > 4
