"""The text file as Prometheus' own parser reads it."""

import re
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sphering.config.model import Config
from sphering.errors import ConfigError, IntegrityError
from sphering.metrics.families import FAMILIES
from sphering.metrics.keep import keep
from sphering.metrics.textfile import read
from sphering.run.outcome import of_check, of_failure, of_result

RESULT = {
    "purpose": "run",
    "release_status": "published",
    "exit_code": 0,
    "documents": 100,
    "rows_read": 120,
    "quarantined": 15,
    "duplicates": 5,
    "encoded": 40,
    "reused": 60,
    "seconds": 20.0,
    "timings": {"embed": 8.0},
    "gates": [],
}


def config(file, corpus="questions", channel="main"):
    tables = {"source": {"path": "x.jsonl"}, "metrics": {"file": str(file)}, "run": {"channel": channel}}
    return Config.model_validate({"corpus": corpus, "store": str(Path(file).parent / "store"), **tables})


def keep_result(config, result):
    keep(config, of_result(config, result, "text"), result)


def keep_failure(config, error, purpose="run"):
    keep(config, of_failure(config, purpose, None, error, 3.0))


def keep_check(config, purpose, status="finished"):
    keep(config, of_check(config, purpose, status, "text", 1.0, {}))


def samples(file):
    families = text_string_to_metric_families(Path(file).read_text(encoding="utf-8"))
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def value(file, name, **labels):
    (found,) = (
        v for (n, *pairs), v in samples(file).items() if n == f"sphering_{name}" and labels.items() <= set(pairs)
    )
    return found


def gate(metric, passed=True, **bounds):
    return {"metric": metric, "value": 0.5, "min": None, "max": None, "severity": "fail", "passed": passed, **bounds}


def test_every_number_of_a_run_is_a_series_with_its_corpus_and_channel(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), RESULT)
    found = samples(file)
    assert {tuple(pairs[:2]) for _, *pairs in found} == {(("channel", "main"), ("corpus", "questions"))}
    names = ("documents", "rows_read", "quarantined", "duplicates", "encoded", "reused", "seconds")
    assert [value(file, name) for name in names] == [100, 120, 15, 5, 40, 60, 20]
    assert (value(file, "documents_per_second"), value(file, "encoded_per_second")) == (5, 5)
    assert value(file, "last_run_outcome", outcome="published") == 1
    assert value(file, "last_run_outcome", outcome="failed") == 0


def test_nothing_but_the_file_is_left_in_the_folder_and_it_says_what_each_series_means(tmp_path):
    keep_result(config(tmp_path / "sphering.prom"), RESULT)
    assert [path.name for path in tmp_path.iterdir()] == ["sphering.prom"]
    lines = (tmp_path / "sphering.prom").read_text().splitlines()
    named = {line.split("{")[0] for line in lines if not line.startswith("#")}
    assert {line.split()[2] for line in lines if line.startswith("# HELP")} == named
    assert {line.split()[3] for line in lines if line.startswith("# TYPE")} == {"gauge"}


def test_a_corpus_and_a_channel_have_a_file_each_in_a_folder(tmp_path):
    for corpus, channel in (("questions", "main"), ("questions", "next"), ("answers", "main")):
        keep_result(config(tmp_path, corpus, channel), {**RESULT, "documents": len(corpus)})
    names = ["sphering-answers-main.prom", "sphering-questions-main.prom", "sphering-questions-next.prom"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    together = [entry for name in names for entry in samples(tmp_path / name)]
    assert len(together) == len(set(together))


def test_the_file_of_another_corpus_is_not_overwritten(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), RESULT)
    with pytest.raises(ConfigError, match="questions main stand in the file of answers main"):
        keep_result(config(file, "answers"), RESULT)
    assert value(file, "documents", corpus="questions") == 100


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [(ValueError("x"), "failed", 1), (ConfigError("x"), "failed", 2), (KeyboardInterrupt(), "interrupted", 130)],
)
def test_a_failed_run_changes_what_it_knows_and_keeps_the_rest(tmp_path, error, outcome, code):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), {**RESULT, "gates": [gate("x", max=1.0)]})
    before = samples(file)
    keep_failure(config(file), error)
    assert value(file, "last_run_outcome", outcome=outcome) == 1
    assert (value(file, "last_run_exit_code"), value(file, "last_run_seconds")) == (code, 3)
    kept = {entry: v for entry, v in samples(file).items() if not entry[0].startswith("sphering_last_run_")}
    assert kept == {entry: v for entry, v in before.items() if not entry[0].startswith("sphering_last_run_")}


@pytest.mark.parametrize("purpose", ["refit", "export", "verify"])
def test_what_is_no_night_hides_no_night_that_did_not_come(tmp_path, purpose):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), RESULT)
    before = samples(file)
    if purpose == "verify":
        keep_check(config(file), purpose)
    else:
        unread = dict.fromkeys(("documents", "rows_read", "quarantined", "duplicates", "reused"))
        keep_result(config(file), {**RESULT, **unread, "purpose": purpose, "encoded": 0, "seconds": 1.0})
    assert before.items() <= samples(file).items()
    assert value(file, "last_run_outcome", purpose=purpose, outcome="published" if purpose != "verify" else "finished")


def test_a_failed_verification_leaves_the_time_of_the_last_one_that_was_sound(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_check(config(file), "verify")
    sound = value(file, "last_success_timestamp_seconds", purpose="verify")
    keep_failure(config(file), IntegrityError("not sound"), "verify")
    assert value(file, "last_success_timestamp_seconds", purpose="verify") == sound
    assert value(file, "last_run_timestamp_seconds", purpose="verify") >= sound
    assert value(file, "last_run_outcome", purpose="verify", outcome="failed") == 1


def test_a_drift_beyond_its_bound_is_no_success(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_check(config(file), "drift", "drifted")
    assert value(file, "last_run_exit_code", purpose="drift") == 3
    assert "sphering_last_success_timestamp_seconds" not in {name for name, *_ in samples(file)}


def test_series_of_another_version_are_not_kept(tmp_path):
    file = tmp_path / "sphering.prom"
    file.write_text('sphering_last_run_seconds{corpus="questions",channel="main"} 7.0\n')
    keep_result(config(file), RESULT)
    assert value(file, "last_run_seconds") == 20


def test_the_first_run_may_fail_and_says_no_number_that_nobody_knows(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_failure(config(file), ValueError())
    assert {name for name, *_ in samples(file)} == {
        f"sphering_last_run_{name}" for name in ("timestamp_seconds", "seconds", "exit_code", "outcome")
    }


def test_a_gate_has_its_value_its_bounds_and_whether_it_passed(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), {**RESULT, "gates": [gate("exports.faiss.recall_at_10", passed=False, min=0.9)]})
    labels = {"metric": "exports.faiss.recall_at_10", "severity": "fail"}
    assert [value(file, f"gate_{name}", **labels) for name in ("value", "min", "passed")] == [0.5, 0.9, 0]
    assert "sphering_gate_max" not in {name for name, *_ in samples(file)}


def test_two_gates_on_one_number_are_one_series_with_the_tighter_bounds(tmp_path):
    file = tmp_path / "sphering.prom"
    gates = [gate("x", max=1.0), gate("x", passed=False, min=0.6, max=2.0), gate("x", severity="warn", max=0.7)]
    keep_result(config(file), {**RESULT, "gates": gates})
    found = [value(file, f"gate_{name}", severity="fail") for name in ("min", "max", "passed")]
    assert found == [0.6, 1.0, 0]
    assert value(file, "gate_passed", severity="warn") == 1


def test_a_gate_that_is_no_longer_configured_goes(tmp_path):
    file = tmp_path / "sphering.prom"
    keep_result(config(file), {**RESULT, "gates": [gate("old", max=1.0)]})
    keep_result(config(file), {**RESULT, "gates": [gate("new", max=1.0)]})
    assert {dict(pairs)["metric"] for name, *pairs in samples(file) if "gate" in name} == {"new"}


@pytest.mark.parametrize("content", [b"", b"half a li", b"sphering_documents{corpus=", b"\xff\xfe", b"a{b} c d e\n"])
def test_a_damaged_file_is_written_anew(tmp_path, content):
    file = tmp_path / "sphering.prom"
    file.write_bytes(content)
    keep_result(config(file), RESULT)
    assert value(file, "documents") == 100


def test_a_folder_that_is_not_there_is_an_error_for_the_caller(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        keep_result(config(tmp_path / "nowhere" / "sphering.prom"), RESULT)


def test_who_reads_while_others_write_reads_a_whole_file(tmp_path):
    file, seen, done = tmp_path / "sphering.prom", set(), threading.Event()
    keep_result(config(file), RESULT)

    def look():
        while not done.is_set():
            seen.add(len(samples(file)))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(100):
        keep_result(config(file), {**RESULT, "documents": number})
    done.set()
    reader.join()
    assert seen == {len(samples(file))}


def test_what_is_kept_is_what_was_written(tmp_path):
    file = tmp_path / "sphering.prom"
    odd = {**RESULT, "gates": [gate('a"b\\c\nd', value=1e-17, max=float(2**53))]}
    keep_result(config(file), odd)
    series = read(file, "questions", "main")
    keep_failure(config(file), ValueError())
    again = read(file, "questions", "main")
    assert {e: v for e, v in again.items() if "last_run" not in e[0]} == {
        e: v for e, v in series.items() if "last_run" not in e[0]
    }


def test_every_series_is_explained_where_operators_look():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z_]+)`", page))
    assert sorted(set(FAMILIES) - explained) == []
