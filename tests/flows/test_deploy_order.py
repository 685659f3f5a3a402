"""What `sphering deploy` refuses before it asks a server: schedules that name no time, names that nothing can have."""

from pathlib import Path

import pytest

from sphering.errors import InputError
from sphering.flows.deploy.order import Order
from sphering.flows.deploy.schedule import by_cron, by_hours, in_words


@pytest.mark.parametrize("cron", ["0 2 * * *", "@daily", "30 1 * * mon-fri", "0 2 29 2 *", "0 2 L * *"])
def test_five_fields_and_aliases_are_schedules(cron):
    assert in_words(by_cron(cron, "Europe/Berlin")) == f"{cron} Europe/Berlin"


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("99 2 * * *", "cannot be parsed"),
        ("@reboot", "cannot be parsed"),
        ("H 2 * * *", "cannot be parsed"),
        ("0 0 2 * * *", "does not have 5 fields"),
        ("0 2 * *", "does not have 5 fields"),
        ("", "does not have 5 fields"),
        ("@daily 2", "does not have 5 fields"),
        ("0 2 30 2 *", "never comes"),
        ("0 2 31 4,6 *", "never comes"),
    ],
)
def test_a_cron_line_that_names_no_time_is_refused(cron, said):
    with pytest.raises(InputError, match=said) as refusal:
        Order(Path("sphering.toml"), cron=cron).check()
    assert repr(cron) in refusal.value.found


@pytest.mark.parametrize(
    ("hours", "words"), [(0.1, "every 0.1 h UTC"), (6, "every 6 h UTC"), (8784, "every 8784 h UTC")]
)
def test_a_pause_of_minutes_and_one_of_a_year_are_schedules(hours, words):
    assert in_words(by_hours(hours, "UTC")) == words


@pytest.mark.parametrize("hours", [0, -1, 0.09, 8785, 1e9, float("nan"), float("inf")])
def test_a_pause_that_is_none_or_longer_than_a_year_is_refused(hours):
    with pytest.raises(InputError, match="is no schedule"):
        Order(Path("sphering.toml"), every=hours).check()


@pytest.mark.parametrize("when", [{}, {"every": 24}, {"cron": "@daily"}])
@pytest.mark.parametrize("timezone", ["Mars/Olympus", ""])
def test_a_time_zone_that_is_none_is_refused_whatever_the_schedule(when, timezone):
    with pytest.raises(InputError, match="is no time zone"):
        Order(Path("sphering.toml"), timezone=timezone, **when).check()


@pytest.mark.parametrize("pool", ["", " ", "a/b", "a?b", "a%b", "..", "Prefect-pool"])
def test_a_name_that_no_work_pool_can_have_is_refused(pool):
    with pytest.raises(InputError, match="is no name of a work pool"):
        Order(Path("sphering.toml"), pool=pool).check()


@pytest.mark.parametrize("pool", ["sphering", "gpu pool", "team.a_1", "4u"])
def test_other_names_are_taken(pool):
    order = Order(Path("sphering.toml"), pool=pool)
    order.check()
    assert order.pool == pool


def test_two_schedules_are_one_too_many():
    with pytest.raises(InputError, match="both given"):
        Order(Path("sphering.toml"), cron="@daily", every=6).check()
