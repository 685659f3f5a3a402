"""sphering.toml to the frozen model: what is wrong is said with its line, what is relative is made absolute."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sphering.config.complaint import complain
from sphering.config.model import Config
from sphering.config.override import apply_override
from sphering.config.paths import absolute_paths
from sphering.config.position import place_in
from sphering.config.secrets_in_urls import urls_with_credentials
from sphering.errors import ConfigError

DEFAULT_FILE = "sphering.toml"


def load(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file.

    Parameters
    ----------
    path : Path or str
        The TOML file.
    overrides : sequence of str
        `key=value` with dotted keys and TOML values, applied in order to what the file says.

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, or a key or a value is wrong.
    """
    file = Path(path).expanduser().absolute()
    text = _read(file)
    document = _parse(text, file)
    for override in overrides:
        apply_override(document, override)
    return _validate(document, text, file)


def resolve(config: Config | Path | str) -> Config:
    """Return a configuration as it is, or read it where its path is given."""
    return config if isinstance(config, Config) else load(config)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no configuration {file.name}",
            expected="a sphering.toml",
            where=str(file),
            remedy="name the file with --config FILE, or write one to start from with `sphering init`",
        ) from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{file} is a folder",
            expected="a TOML file",
            where=str(file),
            remedy=f"--config {file / DEFAULT_FILE}",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"byte {error.start} of the file is no UTF-8",
            expected="TOML, which is UTF-8 text",
            where=f"{file}, line {line}",
            remedy="save the file as UTF-8",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the configuration cannot be read: {error.strerror}",
            expected="a file that this user may read",
            where=str(file),
        ) from error


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"this is no TOML: {error}",
            expected='lines such as `key = "value"` and `[table]`; strings stand in quotes',
            where=str(file),
            remedy="mend the line that is named",
        ) from error


def _validate(document: dict[str, Any], text: str, file: Path) -> Config:
    for path in urls_with_credentials(document):  # not repeated: a secret stands in it
        raise ConfigError(
            f"{'.'.join(map(str, path))} holds a URL with a user or a password",
            expected="no secret in the file: it is kept with every run",
            where=place_in(file, path),
            remedy="take it out; credentials come from the environment, or from files that the client reads itself",
        )
    # The model has a field `base` that only this function fills; in a file it is as unknown as any other key.
    stray = {" base": document.pop("base")} if "base" in document else {}
    content = {**absolute_paths(document, file), **stray}
    try:
        # Strict, by way of JSON: "12" is no number and 1 is no boolean in TOML, but its lists become tuples.
        config = Config.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise complain(error, content, text, file) from error
    return config.read_from(file)
