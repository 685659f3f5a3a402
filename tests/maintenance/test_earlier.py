"""What was published some days ago, or the nearest to it that can still be compared."""

from datetime import UTC, datetime, timedelta

import pytest
from nights import small

from sphering.errors import NotFoundError
from sphering.maintenance.collection import collect
from sphering.maintenance.earlier import published_before
from sphering.maintenance.marking import is_whole
from sphering.maintenance.publication import rollback
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store


@pytest.fixture
def nights(run, questions, tmp_path):
    """Three nights that each published a release; the corpus, and when it was as many days later."""
    for size in (20, 21, 22):
        config = small(tmp_path, questions[:size])
        run(config)
    corpus = Store.open(config.store).corpus(config.corpus)
    return corpus, corpus.refs.history("main", PUBLISHED)


def _after(value, days):
    return datetime.fromisoformat(value.at) + timedelta(days=days)


def test_it_is_the_newest_value_that_is_old_enough(nights):
    corpus, (first, second, third) = nights
    for value, then in ((first, first), (second, second), (third, third)):
        found = published_before(corpus, "main", 30, at=_after(value, 30))
        assert (found.then, found.now, found.why) == (then, third, None)
        assert found.days == pytest.approx(30)


def test_where_nothing_is_so_old_it_is_the_oldest_and_says_so(nights):
    corpus, (first, _, third) = nights
    found = published_before(corpus, "main", 30, at=_after(third, 2))
    assert (found.then, found.wanted) == (first, None)
    assert found.days < 3
    assert found.standing == pytest.approx(2)
    assert "nothing was published yet 30 days ago" in found.why


def test_where_it_was_collected_it_is_the_oldest_since_that_stands_and_says_so(nights):
    corpus, (first, second, third) = nights
    collect(corpus, keep=2, grace_days=0, delete=True)
    found = published_before(corpus, "main", 30, at=_after(first, 30))
    assert (found.then, found.now) == (second, third)
    assert f"{first.release} of 30 days ago was collected" in found.why


def test_a_collection_that_keeps_as_many_days_leaves_what_drift_compares_with_now_and_each_day_until_then(nights):
    corpus, (_, second, third) = nights
    far = _after(third, 365).timestamp()
    days = (far - _after(second, 0).timestamp()) / 86400 - 1e-8  # no rounding takes in what was before
    collect(corpus, keep=0, grace_days=0, published_days=days, delete=True, at=far)
    assert set(corpus.release_ids()) == {second.release, third.release}
    for value in (second, third):
        found = published_before(corpus, "main", days, at=_after(value, days))
        assert (found.then, found.why) == (value, None)
    collect(corpus, keep=0, grace_days=0, published_days=1, delete=True, at=far)
    assert published_before(corpus, "main", 1, at=_after(third, 365)).why is None


def test_what_a_rollback_has_left_is_not_kept_for_drift(nights):
    corpus, (first, second, third) = nights
    rollback(corpus, "main", "wrong prices")
    far = _after(third, 30).timestamp()
    collect(corpus, keep=0, grace_days=0, published_days=365, delete=True, at=far)
    assert published_before(corpus, "main", 30, at=_after(third, 31)).now.release == second.release
    assert not is_whole(corpus, corpus.release(third.release))
    assert is_whole(corpus, corpus.release(first.release))


def test_it_never_is_of_another_encoder_than_today(run, questions, tmp_path):
    run(small(tmp_path, questions[:20]))
    other = small(tmp_path, questions[:20], encoder={"backend": "torch", "max_length": 8})
    run(other)
    corpus = Store.open(other.store).corpus(other.corpus)
    _, now = corpus.refs.history("main", PUBLISHED)
    found = published_before(corpus, "main", 0, at=datetime.now(UTC))
    assert (found.then, found.why) == (now, None)
    found = published_before(corpus, "main", 1, at=_after(corpus.refs.history("main", PUBLISHED)[0], 1))
    assert found.then == now
    assert "is of another encoder" in found.why


def test_a_channel_that_publishes_nothing_has_no_drift(nights):
    corpus, _ = nights
    with pytest.raises(NotFoundError, match="publishes nothing yet"):
        published_before(corpus, "next", 30)
