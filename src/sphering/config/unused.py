"""Settings that were written and do nothing, because they belong to another kind of what their table configures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sphering.config.evaluation import EvaluationConfig
from sphering.config.export.parts import Searched
from sphering.config.model import OF_KINDS, Config, TransformConfig
from sphering.errors import ConfigError

_AUTO = 'kind = "auto"'
_OF_FILES = {"pairs": ("sentence1", "sentence2", "score"), "queries": ("id", "text")}


@dataclass(frozen=True)
class _Useless:
    """A setting, what it stands beside, with what it would do something, and what else may help."""

    table: str
    name: str
    beside: str
    owner: str
    otherwise: str = ""


def check_settings(config: Config) -> None:
    """Refuse a setting of [transform], [evaluation] or [[export]] that changes nothing; what is not written is right.

    No part of the model's own validation: a stored configuration must open as it was accepted.

    Raises
    ------
    ConfigError
        With what the setting belongs to.
    """
    _check_exports(config)
    useless = [*_of_transform(config.transform), *_of_evaluation(config.evaluation)]
    if not useless:
        return
    first, *others = useless
    more = "".join(f"; `{other.name}` does nothing either" for other in others)
    auto = "; the candidates of `auto` have settings of their own" if first.beside == _AUTO else ""
    written = config.given()[first.table][first.name]
    raise ConfigError(
        f"[{first.table}] {first.name} = {_toml(written)} does nothing with {first.beside}",
        expected=f"`{first.name}` with {first.owner} alone{auto}",
        where=config.place(first.table, first.name),
        remedy=f"remove `{first.name}`, or set {first.owner}{more}{first.otherwise}",
    )


def _check_exports(config: Config) -> None:
    for number, export in enumerate(config.export):
        if not isinstance(export, Searched) or export.recall_at_10 is None:
            continue
        written = [name for name in export.chosen_by_recall if name in export.model_fields_set]
        if written:
            raise ConfigError(
                f"the export {export.name!r} sets {' and '.join(written)}, which recall_at_10 chooses",
                expected="one of both",
                where=config.place("export", number, written[0]),
                remedy=f"remove {' and '.join(written)}, or recall_at_10",
            )


def _of_transform(config: TransformConfig) -> Iterator[_Useless]:
    command = f"; for one command, `--set 'transform={{kind = \"{config.kind}\"}}'` replaces the whole table"
    for kind, names in OF_KINDS.items():
        if config.kind != kind:
            for name in _written(config, names):
                yield _Useless("transform", name, f'kind = "{config.kind}"', f'kind = "{kind}"', command)
    if config.refit != "drift":
        for name in _written(config, ("max_drift",)):
            yield _Useless("transform", name, f'refit = "{config.refit}"', 'refit = "drift"')


def _of_evaluation(config: EvaluationConfig | None) -> Iterator[_Useless]:
    for owner, names in _OF_FILES.items():
        if config is not None and getattr(config, owner) is None:
            for name in _written(config, names):
                yield _Useless("evaluation", name, f"no `{owner}`", f"`{owner}`")


def _written(config: TransformConfig | EvaluationConfig, names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if name in config.model_fields_set)


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
