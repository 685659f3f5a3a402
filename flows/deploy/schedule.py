"""When a deployment runs: both kinds of schedule, made here and refused where they name no time."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from prefect.client.schemas.schedules import SCHEDULE_TYPES, CronSchedule, IntervalSchedule
from prefect.server.schemas import schedules as of_server
from pydantic import ValidationError

from sphering.errors import InputError

_ANCHOR: Final = datetime(2026, 1, 1, tzinfo=UTC)  # without one every call would begin another count
_SHORTEST_HOURS: Final = 0.1
_LONGEST_HOURS: Final = 366 * 24.0
_FIELDS: Final = 5
_CRON: Final = 'five fields, such as "0 2 * * *", or a name such as @daily'
_REMEDY: Final = "nothing was changed: correct it and deploy again"
Schedule = CronSchedule | IntervalSchedule


def by_cron(cron: str, timezone: str) -> CronSchedule:
    """Return the schedule of five cron fields, or of an alias such as @daily.

    Raises
    ------
    InputError
        If it cannot be parsed, names no date that comes, or the time zone is none.
    """
    _check_timezone(timezone)
    if len(cron.split()) != (1 if cron.startswith("@") else _FIELDS):
        raise _refusal(f"--cron {cron!r} does not have {_FIELDS} fields", _CRON)
    try:
        schedule = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        raise _refusal(f"--cron {cron!r} cannot be parsed", _CRON) from error
    if _never_comes(schedule):
        raise _refusal(f"--cron {cron!r} never comes: no year has such a day", "a day that comes")
    return schedule


def by_hours(hours: float, timezone: str) -> IntervalSchedule:
    """Return the schedule with so many hours between two runs.

    Raises
    ------
    InputError
        If that is no pause, or longer than a year, or the time zone is none.
    """
    _check_timezone(timezone)
    if not _SHORTEST_HOURS <= hours <= _LONGEST_HOURS:
        raise _refusal(f"--every {hours:g} is no schedule", f"hours, from {_SHORTEST_HOURS:g} to {_LONGEST_HOURS:g}")
    return IntervalSchedule(interval=timedelta(hours=hours), anchor_date=_ANCHOR, timezone=timezone)


def in_words(schedule: SCHEDULE_TYPES) -> str:
    """Return a schedule as one would order it; one of the other kinds, which nobody orders here, by its kind."""
    if isinstance(schedule, CronSchedule):
        return f"{schedule.cron} {schedule.timezone}"
    if isinstance(schedule, IntervalSchedule):
        return f"every {schedule.interval.total_seconds() / 3600:g} h {schedule.timezone}"
    return type(schedule).__name__


def _check_timezone(timezone: str) -> None:
    try:
        accepted = CronSchedule(cron="@daily", timezone=timezone).timezone
    except ValidationError:
        accepted = None
    if not accepted:  # Prefect takes an empty one
        raise _refusal(f"--timezone {timezone!r} is no time zone", "a name such as Europe/Berlin")


def _never_comes(schedule: CronSchedule) -> bool:
    """Return whether the server, which asks the same, would find no next date."""
    asked = of_server.CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    try:
        return not asyncio.run(asked.get_dates(1))
    except ValueError:  # of the parser, which gives up after some years
        return True


def _refusal(found: str, expected: str) -> InputError:
    return InputError(found, expected=expected, remedy=_REMEDY)
