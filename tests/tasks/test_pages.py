"""What the flows beside the main job say in a sentence."""

import pytest

from sphering.maintenance.earlier import Earlier
from sphering.maintenance.findings import Findings
from sphering.maintenance.judged import Judged
from sphering.store.refs import RefValue
from sphering.tasks.pages import drift_sentence, findings_sentence

COMPARED = {
    "texts": {"common": 1, "a": 1},
    "raw": {"metrics": {"drift": {"value": 0.25}}},
    "transformed": None,
    "metrics": None,
}


def _value(number, release):
    return RefValue(number, release, "2026-01-01T00:00:00+00:00", "somebody", "published", None)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (8.58e-09, "for less than an hour"),
        (0.05, "for 1 hour"),
        (1.4, "for 34 hours"),
        (29.98, "for 30 days"),
        (400, "for 400 days"),
    ],
)
def test_a_corpus_whose_release_stands_says_for_how_long(days, words):
    now = _value(1, "aaaa")
    sentence = drift_sentence("tiny@next", Earlier(now, now, now, 0.0, days, None), Judged(COMPARED, ()))
    assert sentence == f"steady: tiny@next, the release aaaa has been published {words}"


def test_a_drift_says_over_how_long_it_was_measured():
    earlier = Earlier(_value(1, "aaaa"), _value(2, "bbbb"), None, 30.0, 2.0, None)
    judged = Judged(COMPARED, ())
    assert drift_sentence("tiny", earlier, judged) == "steady: tiny, drift 0.250 in 30 days"


def test_a_store_without_the_corpus_is_not_called_sound():
    assert findings_sentence("tiny", Findings()) == "nothing to verify: tiny, the store has nothing of it yet"
    assert findings_sentence("tiny", Findings({"snapshot": 2})) == "sound: tiny, 2 things checked"
