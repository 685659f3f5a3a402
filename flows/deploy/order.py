"""What is to be deployed, checked as a whole before anything on a server is changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from pydantic import ValidationError

from sphering.config.load import load
from sphering.config.model import Config
from sphering.errors import InputError
from sphering.flows.deployments import DEPLOYABLE, NIGHTLY, POOL, TIMEZONE, Deployable

_ANCHOR: Final = datetime(2026, 1, 1, tzinfo=UTC)  # without one every call would begin another count
_SHORTEST_HOURS: Final = 0.1
Schedule = CronSchedule | IntervalSchedule


@dataclass(frozen=True)
class Order:
    """A configuration and how it is to be deployed.

    Parameters
    ----------
    file : Path
        The sphering.toml, absolute.
    pool : str
        The work pool.
    cron : str or None
        When the nightly deployment runs, instead of the usual time.
    every : float or None
        Or how many hours lie between two of its runs.
    timezone : str
        Of all schedules.
    downstream : str or None
        A deployment, FLOW/NAME, that is started after each publication.
    """

    file: Path
    pool: str = POOL
    cron: str | None = None
    every: float | None = None
    timezone: str = TIMEZONE
    downstream: str | None = None

    def config(self) -> Config:
        """Return the configuration.

        Raises
        ------
        ConfigError
            If the file does not validate.
        """
        return load(self.file)

    def schedule(self, deployable: Deployable) -> Schedule | None:
        """Return when a deployment runs; None where somebody starts it.

        Raises
        ------
        InputError
            If the schedule cannot be parsed.
        """
        if self.every is not None and deployable.kind == NIGHTLY:
            return IntervalSchedule(interval=timedelta(hours=self.every), anchor_date=_ANCHOR, timezone=self.timezone)
        given = self.cron if self.cron is not None and deployable.kind == NIGHTLY else deployable.cron
        return None if given is None else _parsed(given, self.timezone)

    def check(self) -> None:
        """Refuse what can be known to be wrong without a server.

        Raises
        ------
        InputError
            If a schedule cannot be parsed or is given twice, or the downstream deployment is not named FLOW/NAME.
        """
        if self.every is not None and self.cron is not None:
            raise InputError("--cron and --every are both given", expected="one of them")
        if self.every is not None and self.every < _SHORTEST_HOURS:
            raise InputError(f"--every {self.every:g} is no schedule", expected=f"hours, at least {_SHORTEST_HOURS:g}")
        for deployable in DEPLOYABLE:
            self.schedule(deployable)
        if self.downstream is not None and self.downstream.count("/") != 1:
            raise InputError(
                f"--downstream {self.downstream!r} is no name of a deployment",
                expected="FLOW/DEPLOYMENT, as `prefect deployment ls` prints it",
            )


def _parsed(cron: str, timezone: str) -> CronSchedule:
    try:
        return CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        ((key, found),) = [(each["loc"][-1], each["msg"]) for each in error.errors()[:1]]
        raise InputError(
            f"the schedule cannot be parsed: {found.removeprefix('Value error, ')}",
            expected='five fields, such as "0 2 * * *"' if key == "cron" else "a name such as Europe/Berlin",
            where=f"--{key} {cron if key == 'cron' else timezone!r}",
            remedy="nothing was changed: correct it and deploy again",
        ) from error
