"""Which series there are, and what each says; docs/operations.md explains them with alert rules."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "sphering_"

LAST_RUN: Final = {
    "last_run_timestamp_seconds": "When the last run for a purpose ended, whatever came of it (label purpose).",
    "last_run_seconds": "How long the last run for a purpose took.",
    "last_run_exit_code": "Its exit code: 0 fine, 1 unforeseen, 2 bad input, 3 held or drifted, 130 interrupted.",
    "last_run_outcome": "1 for what came of the last run for a purpose, 0 for what else can come of one.",
    "last_success_timestamp_seconds": "When a run for a purpose last ended with exit code 0.",
}
COUNTS: Final = {
    "documents": "Documents of the snapshot of that run.",
    "rows_read": "Rows that the last run read that read its source and was not broken off.",
    "quarantined": "Rows of that run that could not become documents.",
    "duplicates": "Rows of that run that were dropped as duplicates.",
    "encoded": "Texts that that run encoded.",
    "reused": "Texts of that run with a vector from before.",
    "seconds": "How long that run took.",
    "documents_per_second": "Documents by seconds, of that run.",
    "encoded_per_second": "Texts by seconds of encoding, of the last run that encoded any.",
}
GATES: Final = {
    "gate_value": "The number that a gate judged (labels metric and severity).",
    "gate_min": "The smallest value with which the gate passes.",
    "gate_max": "The largest value with which the gate passes.",
    "gate_passed": "1 where the gate passed, 0 where it did not.",
}
PUBLISHED: Final = "published_timestamp_seconds"
FAMILIES: Final = {
    **LAST_RUN,
    **COUNTS,
    **GATES,
    PUBLISHED: "When published last moved; time() minus this is how old what consumers get may be.",
}
LABELS: Final = {
    **dict.fromkeys(LAST_RUN, ("purpose",)),
    "last_run_outcome": ("outcome", "purpose"),
    **dict.fromkeys(GATES, ("metric", "severity")),
}
"""The labels of a family beside corpus and channel, sorted; none where it is not named."""
