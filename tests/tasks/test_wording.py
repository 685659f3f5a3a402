"""What a run says of itself in Prefect's pages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.tasks.artifact import artifact_key
from sphering.tasks.wording import (
    angles_sentence,
    gate_rows,
    gate_sentence,
    report_rows,
    verdict_page,
    verdict_sentence,
)

NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def _gate(metric="quarantined_share", value=0.2, low=None, high=0.01, severity="fail", passed=False):
    return {"metric": metric, "value": value, "min": low, "max": high, "severity": severity, "passed": passed}


def _result(**more):
    return {
        "run": "20261124T020000Z-1a2b3c4d",
        "snapshot": "aaaa",
        "snapshot_status": "created",
        "release": "bbbb",
        "release_status": "published",
        "rows_read": 12000,
        "documents": 11990,
        "quarantined": 10,
        "duplicates": 0,
        "encoded": 11990,
        "reused": 0,
        "removed": 0,
        "truncated": 3,
        "excluded": 0,
        "seconds": 12.34,
        "gates": [],
        "exports": [{"name": "faiss", "format": "faiss", "path": "corpora/c/exports/dddd"}],
        **more,
    }


def test_the_page_says_where_bits_are_mixed_and_between_which_machines():
    profiles = {
        name: {"cpu": cpu, "instruction_set": instructions}
        for name, cpu, instructions in (("profile", "EPYC", "avx2"), ("first_profile", "Xeon", "avx512f"))
    }
    probe = {"bits": "mixed", "max_cosine_distance": 3.2e-8, **profiles}
    assert (
        "bits: mixed, up to 3.2e-08 in cosine distance from this encoder's first use; the compute profiles differ in "
        "cpu ('Xeon' and 'EPYC'), instruction_set ('avx512f' and 'avx2')"
    ) in verdict_page("c", _result(probe=probe))
    assert "bits" not in verdict_page("c", _result(probe={**probe, "bits": "equal", "max_cosine_distance": 0.0}))


@given(NAMES)
def test_a_key_has_lower_case_letters_digits_and_dashes_only(corpus):
    assert re.fullmatch(r"verdict-[a-z0-9]+(-[a-z0-9]+)*", artifact_key("verdict", corpus))


def test_a_trial_in_another_channel_has_a_history_of_its_own():
    assert artifact_key("verdict", "tiny@next").startswith("verdict-tiny-next-")
    assert artifact_key("verdict", "tiny@next") != artifact_key("verdict", "tiny-next")


@given(NAMES, NAMES)
def test_two_corpora_share_no_key(one, other):
    assert (artifact_key("gates", one) == artifact_key("gates", other)) == (one == other)


def test_a_plain_name_stands_in_its_key_as_it_is():
    assert artifact_key("report", "banking77") == "report-banking77"
    assert artifact_key("report", "Banking_77").startswith("report-banking-77-")


@pytest.mark.parametrize("status", ["published", "unchanged", "latest"])
def test_the_verdict_begins_with_the_status(status):
    assert verdict_sentence("c", _result(release_status=status)) == f"{status}: c, release bbbb"


def test_a_held_verdict_says_which_gate_holds_it_and_why():
    warned = _gate("truncated_share", 0.3, None, 0.05, "warn")
    sentence = verdict_sentence("c", _result(release_status="held", gates=[_gate(), warned]))
    assert sentence == "held: c, release bbbb, because quarantined_share = 0.2, wanted <= 0.01"


def test_a_run_that_ended_before_encoding_has_a_verdict_without_a_release():
    held = _result(
        release_status="held", release=None, snapshot=None, snapshot_status=None, gates=[_gate()], exports=[]
    )
    assert verdict_sentence("c", held).startswith("held: c, snapshot none, because quarantined_share")
    assert "None" not in verdict_page("c", held)


def test_the_page_shows_the_counts_the_exports_and_the_gates_that_did_not_pass():
    page = verdict_page(
        "c", _result(gates=[_gate("unknown_share", 0.5, None, 0.01, "warn"), _gate(passed=True, value=0)])
    )
    assert "| rows_read | 12,000 |" in page
    assert "| seconds | 12.3 |" in page
    assert "`corpora/c/exports/dddd`" in page
    assert "**warn** unknown_share = 0.5, wanted <= 0.01" in page
    assert "quarantined_share" not in page


def test_a_gate_with_two_bounds_or_no_number_reads_well():
    assert gate_sentence(_gate("n", 5, 1, 3)) == "n = 5, wanted >= 1 and <= 3"
    assert gate_sentence(_gate("n", 1_000_001, None, 1_000_000)) == "n = 1,000,001, wanted <= 1,000,000"
    assert gate_sentence(_gate("n", 0.9999999, 1, None)) == "n = 0.9999999, wanted >= 1"
    assert gate_sentence(_gate("n", 0.3333333333, None, 0.25)) == "n = 0.333333, wanted <= 0.25"
    assert gate_sentence(_gate("n", None, 1, None)) == "n = not measured, wanted >= 1"


def test_the_table_of_gates_has_one_row_each():
    assert gate_rows([_gate(), _gate("documents", 5, 1, None, "warn", True)])[1] == _gate(
        "documents", 5, 1, None, "warn", True
    )


def test_the_table_of_the_report_sets_raw_beside_transformed():
    number = {"value": 0.5, "kind": "exact", "n": 10}
    report = {
        "raw": {
            "mean_cosine": number,
            "only_raw": number,
            "histogram": {"value": [1, 2]},
            "undefined": {"value": None},
        },
        "transformed": {"mean_cosine": {**number, "value": 0.0}},
    }
    assert report_rows(report) == [
        {"metric": "mean_cosine", "raw": 0.5, "transformed": 0.0, "kind": "exact", "n": 10},
        {"metric": "only_raw", "raw": 0.5, "transformed": None, "kind": "exact", "n": 10},
    ]
    assert angles_sentence("c", report).endswith("mean cosine 0.5000 raw, 0.0000 transformed")


def test_the_picture_of_angles_has_a_sentence_even_without_numbers():
    assert angles_sentence("c", {}) == "c: angles between pairs of documents"
