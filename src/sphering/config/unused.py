"""Settings of [transform] that were written and do nothing, because they belong to another kind of transform."""

from __future__ import annotations

from collections.abc import Iterator

from sphering.config.model import OF_KINDS, Config, TransformConfig
from sphering.errors import ConfigError

_AUTO = "; the candidates of `auto` have settings of their own"


def check_settings(config: Config) -> None:
    """Refuse a setting of [transform] that changes nothing; what was not written is no mistake.

    No part of the model's own validation: a stored configuration must open as it was accepted.

    Raises
    ------
    ConfigError
        With the kind that the setting belongs to.
    """
    useless = list(_useless(config.transform))
    if not useless:
        return
    name, setting, owner = useless[0]
    others = "".join(f"; `{other}` does nothing either" for other, _, _ in useless[1:])
    written = config.given()["transform"][name]
    raise ConfigError(
        f"[transform] {name} = {_toml(written)} does nothing with {setting}",
        expected=f"`{name}` with {owner} alone" + (_AUTO if setting.endswith('"auto"') else ""),
        where=config.place("transform", name),
        remedy=f"remove `{name}`, or set {owner}{others}",
    )


def _useless(config: TransformConfig) -> Iterator[tuple[str, str, str]]:
    """Yield each setting that does nothing, beside what, and with what it would do something."""
    for kind, names in OF_KINDS.items():
        if config.kind != kind:
            yield from (
                (name, f'kind = "{config.kind}"', f'kind = "{kind}"') for name in names if _is_written(config, name)
            )
    if config.refit != "drift" and _is_written(config, "max_drift"):
        yield "max_drift", f'refit = "{config.refit}"', 'refit = "drift"'


def _is_written(config: TransformConfig, name: str) -> bool:
    return name in config.model_fields_set


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
