"""What a notice says of each end of a run."""

import pytest

from sphering.notice.wording import of_failure, of_result, outcome

GATE = {"metric": "rows_read", "value": 3, "min": 10, "max": None, "severity": "fail", "passed": False}


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ({"release_status": "published", "exit_code": 0}, "published"),
        ({"release_status": "unchanged", "exit_code": 0}, "unchanged"),
        ({"release_status": "held", "exit_code": 3}, "held"),
        ({"release_status": "withdrawn", "exit_code": 3}, "held"),
        ({"release_status": "latest", "exit_code": 0}, "finished"),
        ({"release_status": None, "exit_code": 3}, "held"),
        ({"release_status": None, "exit_code": 0}, "finished"),
    ],
)
def test_what_came_of_a_run_is_one_word(result, word):
    assert outcome(result) == word


def test_a_held_release_names_the_gates_that_hold_it():
    result = {"release_status": "held", "gates": [GATE, {**GATE, "severity": "warn"}, {**GATE, "passed": True}]}
    notice = of_result("questions", "main", "held: questions", result)
    assert notice["event"] == "held"
    assert notice["gates_failed"] == [{"metric": "rows_read", "value": 3, "min": 10, "max": None}]


def test_facts_that_a_run_did_not_find_out_are_left_out():
    notice = of_result("questions", "next", "s", {"documents": 5, "encoded": 0, "reused": None})
    assert (notice["channel"], notice["documents"], notice["encoded"]) == ("next", 5, 0)
    assert "reused" not in notice


def test_no_text_calls_a_whole_channel_and_none_is_endless():
    notice = of_failure("questions", "main", f"SourceError: <!channel> & {'x' * 10_000}")
    assert notice["text"].startswith("failed: questions, SourceError: &lt;!channel&gt; &amp; xxx")
    assert len(notice["text"]) < 3_100
    assert len(notice["error"]) == 3_000
