"""What a notice says of each end of a run."""

from sphering.config.model import Config
from sphering.errors import SourceError
from sphering.notice.wording import notice_of
from sphering.run.outcome import of_check, of_failure

CONFIG = Config.model_validate({"corpus": "questions", "store": "store", "source": {"path": "x.jsonl"}})


def test_a_notice_has_the_facts_that_an_event_has():
    said = of_check(CONFIG, "drift", "drifted", "drifted: questions, drift 0.2 in 30 days", 2.0, {"release": "aaaa"})
    assert notice_of(said) == said


def test_no_text_calls_a_whole_channel_and_none_is_endless():
    error = SourceError(f"<!channel> & {'x' * 10_000}")
    notice = notice_of(of_failure(CONFIG, "run", None, error, 1.0))
    words = "failed: run of questions, SourceError: &lt;!channel&gt; &amp; xxx"
    assert notice["text"].startswith(words)
    assert len(notice["text"]) < 3_100
    assert len(notice["error"]) == 3_000
