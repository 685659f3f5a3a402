"""`sphering run --log-json`: nothing but JSON lines on standard error, whatever comes of the run."""

import json

import pytest

pytestmark = pytest.mark.command


def lines(outcome):
    return [json.loads(line) for line in outcome.err.splitlines()]


def test_a_run_logs_json_lines_that_name_the_corpus_and_the_run(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path)
    outcome = sphering("run", "--log-json", "--json", cwd=tmp_path)
    assert outcome.code == 0, outcome.err
    found = lines(outcome)
    assert {line["corpus"] for line in found} == {"small"}
    verdict = next(line for line in found if line["message"].startswith("published: small"))
    assert verdict["run"] == outcome.json["run"]
    assert verdict["task"] == "finish-small"
    assert len({line["flow_run"] for line in found if "flow_run" in line}) == 1
    assert {line["level"] for line in found} <= {"info", "warning"}


def test_what_fails_is_a_line_with_its_error(sphering, write_corpus, tmp_path):
    write_corpus(tmp_path, '[encoder]\nmodel = "./nothing"\n')
    outcome = sphering("run", "--log-json", cwd=tmp_path)
    assert outcome.code == 2
    last = lines(outcome)[-1]
    assert (last["level"], last["error"]["type"]) == ("error", "ModelError")
    assert "nothing" in last["message"]


def test_a_configuration_that_is_not_there_is_a_line_too(sphering, tmp_path):
    outcome = sphering("run", "--log-json", "--config", "nowhere.toml", cwd=tmp_path)
    assert outcome.code == 2
    assert [line["error"]["type"] for line in lines(outcome)] == ["ConfigError"]
