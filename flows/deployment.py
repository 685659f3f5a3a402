"""What is settled while a deployment is made: a build step of prefect.yaml."""

from pathlib import Path
from typing import Any

from sphering.config.load import load
from sphering.errors import ConfigError
from sphering.flows.deployments import job_environment
from sphering.run.target import target_of
from sphering.tasks.tags import tags_of


def checked_config(path: str | None = None) -> dict[str, Any]:
    """Return of a configuration, after it was read and found right, what its deployments are made of.

    Returns
    -------
    dict
        Under `config` its absolute path, under `tags` those of its runs, under `target` what the deployments' names end
        in, under `environment` what the processes of the runs find in theirs.

    Raises
    ------
    ConfigError
        If no path was given, or the file does not validate.
    """
    if not path:
        raise ConfigError(
            "the deployment has no configuration",
            expected="the path of a sphering.toml in the environment variable SPHERING_CONFIG",
            where="prefect.yaml",
            remedy="SPHERING_CONFIG=/path/to/sphering.toml prefect deploy --all",
        )
    file = Path(path).expanduser().absolute()
    config = load(file)
    return {
        "config": str(file),
        "tags": tags_of(config.corpus),
        "target": target_of(config),
        "environment": job_environment(config),
    }
