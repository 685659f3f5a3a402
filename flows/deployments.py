"""Everything that is deployed of a corpus: the one list, of which prefect.yaml is the readable twin.

`sphering deploy` makes it on a server, and keeps it as it is here. Importing this module does not import Prefect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sphering.config.model import Config
from sphering.flows.environment import DEFAULTS, offline
from sphering.run.carry import MAIN

POOL: Final = "sphering"
POOL_TYPE: Final = "process"
TIMEZONE: Final = "UTC"
_DRIFT_DAYS: Final = 30
_OF_SERVERS: Final = ("PREFECT_SERVER_EPHEMERAL", "PREFECT_SERVER_UI")


@dataclass(frozen=True)
class Deployable:
    """One deployment of every corpus.

    Parameters
    ----------
    kind : str
        What its name begins with; the corpus follows.
    entrypoint : str
        Module and function: the package is installed where workers run.
    description : str
    cron : str or None
        When it runs; None where somebody starts it.
    parameters : mapping
        Beside the configuration.
    configured : bool
        Whether it always takes the configuration that it is deployed with; a backfill is given another each time.
    """

    kind: str
    entrypoint: str
    description: str
    cron: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    configured: bool = True

    @property
    def collision(self) -> str:
        """What becomes of a run that would begin beside another one of the deployment.

        A night that has not ended is not overtaken: what it leaves, the next one finishes. What somebody starts by hand
        is wanted, and waits.
        """
        return "ENQUEUE" if self.cron is None else "CANCEL_NEW"


NIGHTLY: Final = "nightly"
DEPLOYABLE: Final = (
    Deployable(
        NIGHTLY,
        "sphering.flows.main_job.main_job",
        "Takes the corpus from its source to a published release.",
        "0 2 * * *",
    ),
    Deployable(
        "verify",
        "sphering.flows.verify.verify",
        "Hashes every stored file again and encodes 100 texts again; fails with what it finds.",
        "0 6 * * 6",
        {"reencode": 100},
    ),
    Deployable(
        "maintain",
        "sphering.flows.maintain.maintain",
        "Collects what nothing needs, rebuilds the catalog, removes Prefect's records of old runs.",
        "0 6 * * 0",
        {"keep": 5, "grace_days": 7, "published_days": _DRIFT_DAYS, "records_days": 90},
    ),
    Deployable(
        "drift",
        "sphering.flows.drift.drift",
        f"Compares what is published with what was published {_DRIFT_DAYS} days ago; ends Drifted beyond max_drift.",
        "0 6 * * 1",
        {"days": _DRIFT_DAYS},
    ),
    Deployable(
        "refit",
        "sphering.flows.refit.refit",
        "Fits the transform anew on the newest snapshot and publishes its exports; nothing is encoded.",
    ),
    Deployable(
        "backfill",
        "sphering.flows.backfill.backfill",
        "Migrates the corpus to the encoder of another configuration, which has a channel of its own.",
        parameters={"into": MAIN},
        configured=False,
    ),
)


def job_environment(config: Config) -> dict[str, str]:
    """Return what the process of a flow run finds in its environment: what a command would prepare for itself."""
    of_runs = {name: value for name, value in DEFAULTS.items() if not name.startswith(_OF_SERVERS)}
    return {**of_runs, **offline(config.encoder)}
