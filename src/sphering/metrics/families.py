"""Which series there are, and what each says; docs/operations.md explains them with alert rules."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "sphering_"
OUTCOMES: Final = ("published", "unchanged", "held", "finished", "failed", "interrupted")

LAST_RUN: Final = {
    "last_run_timestamp_seconds": "When the last run ended, whatever came of it; time() minus this is its age.",
    "last_run_seconds": "How long the last run took.",
    "last_run_exit_code": "Exit code of the last run: 0 fine, 1 unforeseen, 2 bad input, 3 held, 130 interrupted.",
    "last_run_outcome": "1 for what came of the last run, 0 for what else can come of one (label outcome).",
}
COUNTS: Final = {
    "documents": "Documents of the last snapshot.",
    "rows_read": "Rows that the last run read that was not broken off.",
    "quarantined": "Rows of the last run that could not become documents.",
    "duplicates": "Rows of the last run that were dropped as duplicates.",
    "encoded": "Texts that the last run encoded.",
    "reused": "Texts of the last run with a vector from before.",
    "seconds": "How long the last run took that was not broken off.",
    "documents_per_second": "Documents by seconds, of the last run that was not broken off.",
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
