"""What is settled while a deployment is made: a build step of prefect.yaml."""

from pathlib import Path

from sphering.config.load import load
from sphering.errors import ConfigError


def checked_config(path: str | None = None) -> dict[str, str]:
    """Return the absolute path of a configuration under `config`, after it was read and found right.

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
    load(file)
    return {"config": str(file)}
