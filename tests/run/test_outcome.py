"""What is said of a run that has ended: read from its record, the same for events, notices and metrics."""

import pytest
from nights import small

from sphering.errors import SourceError
from sphering.run.begin import begin
from sphering.run.finish import abandon
from sphering.run.outcome import HELD, of_check, of_failure, of_result


def test_a_first_release_has_no_base_that_anything_could_have_changed_against(run, questions, tmp_path):
    config = small(tmp_path, questions[:20])
    result = run(config)
    said = of_result(config, result, "published: questions")
    assert (said["corpus"], said["channel"], said["status"]) == ("questions", "main", "published")
    assert (said["release"], said["snapshot"]) == (result["release"], result["snapshot"])
    assert (said["documents"], said["encoded"], said["base"]) == (20, 20, None)
    assert (said["encoder_changed"], said["transform_changed"]) == (None, None)
    assert (said["gates_failed"], said["error"]) == ([], None)
    assert (said["text"], said["purpose"], said["exit_code"]) == ("published: questions", "run", 0)


def test_a_later_one_says_whether_encoder_and_transform_changed_against_its_base(run, questions, tmp_path):
    steady = {"kind": "none", "refit": "never"}
    first = run(small(tmp_path, questions[:20], transform=steady))["release"]
    more = small(tmp_path, questions[:21], transform=steady)
    said = of_result(more, run(more), "text")
    assert (said["base"], said["encoder_changed"], said["transform_changed"]) == (first, False, False)
    centred = small(tmp_path, questions[:21], transform={"kind": "center"})
    said = of_result(centred, run(centred), "text")
    assert (said["encoder_changed"], said["transform_changed"]) == (False, True)
    other = small(tmp_path, questions[:21], encoder={"backend": "torch", "max_length": 8})
    said = of_result(other, run(other), "text")
    assert (said["encoder_changed"], said["transform_changed"]) == (True, True)


def test_a_held_one_names_the_gates_that_failed(run, questions, tmp_path):
    gate = {"metric": "documents", "min": 1000}
    config = small(tmp_path, questions[:20], gate=[gate])
    said = of_result(config, run(config), "text")
    assert (said["status"], said["exit_code"]) == ("held", 3)
    assert said["gates_failed"] == [{"metric": "documents", "value": 20, "min": 1000, "max": None}]


@pytest.mark.parametrize(
    ("keep_text", "said"),
    [
        (True, "SourceError: row 3 is torn"),
        (False, "SourceError: its message is not kept, as no text is (keep_text = false)"),
    ],
)
def test_a_failed_one_says_its_error_unless_it_might_quote_a_text_that_is_not_kept(
    questions, tmp_path, keep_text, said
):
    source = {"path": str(tmp_path / "source.parquet"), "keep_text": keep_text}
    config = small(tmp_path, questions[:20], source=source)
    workspace = begin(config)
    error = SourceError("row 3 is torn")
    abandon(workspace, error)
    found = of_failure(config, "run", workspace.name, error, 2.5)
    assert (found["status"], found["release"], found["error"]) == ("failed", None, said)
    assert (found["run"], found["seconds"], found["exit_code"]) == (workspace.name, 2.5, 2)
    assert found["text"] == f"failed: run of questions, {said}"


def test_one_that_failed_before_it_had_an_id_says_so_without_a_store(questions, tmp_path):
    config = small(tmp_path, questions[:20])
    found = of_failure(config, "refit", None, SourceError("no such file"), 1.0)
    assert (found["status"], found["run"], found["error"]) == ("failed", None, "SourceError: no such file")
    assert found["text"] == "failed: refit of questions, SourceError: no such file"


def test_what_was_cancelled_did_not_fail(questions, tmp_path):
    found = of_failure(small(tmp_path, questions[:20]), "run", None, KeyboardInterrupt(), 1.0)
    assert (found["status"], found["exit_code"]) == ("interrupted", 130)


def test_what_makes_no_release_says_the_same_things_as_a_run(run, questions, tmp_path):
    config = small(tmp_path, questions[:20])
    held = of_check(config, "backfill", HELD, "held: questions", 1.0, {"base": "aaaa"})
    assert held.keys() == of_result(config, run(config), "text").keys()
    assert (held["exit_code"], held["base"], held["release"]) == (3, "aaaa", None)
