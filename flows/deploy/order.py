"""What is to be deployed, checked as a whole before anything on a server is changed."""

from dataclasses import dataclass
from pathlib import Path

from sphering.config.load import load
from sphering.config.model import Config
from sphering.errors import InputError
from sphering.flows.deploy.pool import check_name
from sphering.flows.deploy.schedule import Schedule, by_cron, by_hours
from sphering.flows.deployments import DEPLOYABLE, NIGHTLY, POOL, TIMEZONE, Deployable


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
            If the schedule names no time.
        """
        if self.every is not None and deployable.kind == NIGHTLY:
            return by_hours(self.every, self.timezone)
        given = self.cron if self.cron is not None and deployable.kind == NIGHTLY else deployable.cron
        return None if given is None else by_cron(given, self.timezone)

    def check(self) -> None:
        """Refuse what can be known to be wrong without a server.

        Raises
        ------
        InputError
            If a schedule names no time or is given twice, the work pool cannot have such a name, or the downstream
            deployment is not named FLOW/NAME.
        """
        if self.every is not None and self.cron is not None:
            raise InputError("--cron and --every are both given", expected="one of them")
        check_name(self.pool)
        for deployable in DEPLOYABLE:
            self.schedule(deployable)
        if self.downstream is not None and self.downstream.count("/") != 1:
            raise InputError(
                f"--downstream {self.downstream!r} is no name of a deployment",
                expected="FLOW/DEPLOYMENT, as `prefect deployment ls` prints it",
            )
