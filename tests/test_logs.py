"""Logs for machines: one object a line, whole whatever was logged, and without secrets."""

import json
import logging
import subprocess
import sys
import textwrap

import pytest

from sphering import logs


@pytest.fixture
def line(monkeypatch):
    monkeypatch.setattr(logs, "_facts", {})

    def make(message, *arguments, error=None, **extra):
        info = (type(error), error, error.__traceback__) if error else None
        record = logging.LogRecord("sphering.run", logging.WARNING, "f.py", 1, message, arguments, info)
        record.__dict__.update(extra)
        text = logs.JsonLines().format(record)
        assert "\n" not in text
        return json.loads(text)

    return make


def test_a_record_is_one_line_with_what_it_is_about(line):
    logs.about(corpus="questions", run="20260101T000000Z-00000000", flow_run=None)
    found = line("%d rows\nread", 5)
    assert found["time"].endswith("+00:00")
    assert {name: found[name] for name in found if name != "time"} == {
        "level": "warning",
        "logger": "sphering.run",
        "message": "5 rows\nread",
        "corpus": "questions",
        "run": "20260101T000000Z-00000000",
    }


def test_a_record_of_prefect_says_which_flow_run_and_task_it_is_of(line):
    logs.about(flow_run="mine")
    found = line("x", flow_run_id="theirs", task_run_name="embed-questions-0")
    assert (found["flow_run"], found["task"]) == ("theirs", "embed-questions-0")


def test_an_error_is_a_field(line):
    try:
        raise ValueError("of two\nlines")
    except ValueError as error:
        found = line("it failed", error=error)["error"]
    assert (found["type"], found["message"]) == ("ValueError", "of two\nlines")
    assert found["traceback"].startswith("Traceback")


@pytest.mark.parametrize("message", ["%d", "%s %s", "100 %"])
def test_a_message_whose_arguments_do_not_fit_is_not_lost(line, message):
    assert line(message, "a")["message"] == message


@pytest.mark.parametrize("name", ["MY_KEY", "AWS_SECRET_ACCESS_KEY", "SPHERING_WEBHOOK_URL", "DB_PASSWORD"])
def test_no_secret_of_the_environment_stands_in_a_line(line, monkeypatch, name):
    secret = 'planted "and quoted" 12345'
    monkeypatch.setenv(name, secret)
    found = line("sent to %s", secret, error=ValueError(f"by {secret}"))
    assert found["message"] == "sent to (secret)"
    assert "planted" not in json.dumps(found)


def test_a_short_value_is_not_cut_out_of_words(line, monkeypatch):
    monkeypatch.setenv("A_KEY", "true")
    assert line("it is true")["message"] == "it is true"


@pytest.mark.parametrize("first", ["prefect", "logs"])
def test_prefect_and_the_core_log_json_alone_whichever_comes_first(tmp_path, first):
    program = textwrap.dedent(f"""
        import logging, sys, warnings
        from sphering import logs
        if {first == "logs"}: logs.install()
        import prefect.main
        logs.install()
        logs.install()
        logging.getLogger("sphering.run").info("of the core")
        logging.getLogger("prefect.engine").info("of prefect")
        logging.getLogger("anything").info("nobody asked")
        warnings.warn("of a library")
    """)
    environment = {"SPHERING_LOG": "json", "PREFECT_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    messages = [json.loads(text)["message"] for text in done.stderr.splitlines()]
    assert messages[:2] == ["of the core", "of prefect"]
    assert ["of a library" in text for text in messages[2:]] == [True]
    assert done.stdout == ""
