"""A corpus moved to another encoder: made in a channel of its own, judged, then made in the channel that serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError

from sphering.config.model import Config, GateConfig
from sphering.config.table import Name
from sphering.errors import ConfigError, NotFoundError
from sphering.maintenance.judged import check_bounds
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store

_CHANNEL: Final[TypeAdapter[str]] = TypeAdapter(Name)


def check_migration(config: Config, into: str, bounds: Sequence[GateConfig] = ()) -> None:
    """Refuse what cannot be migrated, compared or judged, before anything is encoded.

    Raises
    ------
    ConfigError
        If the configuration's channel is the one that it is to go into, that is no name of a channel, or a bound is on
        what no comparison measures.
    NotFoundError
        If that one publishes nothing.
    """
    _check_name(into)
    check_bounds(bounds)
    channel = config.run.channel
    if channel == into:
        raise ConfigError(
            f"the configuration runs in the channel {channel!r}, which serves",
            expected="a channel of its own for the new encoder",
            where=config.place("run", "channel"),
            remedy='give the new file [run] channel = "next", say: it is compared there before anything moves',
        )
    corpus = Store.open_or_plan(config.store, single_writer=config.single_writer).corpus(config.corpus)
    if corpus.refs.read(into, PUBLISHED) is None:
        raise NotFoundError(
            f"the channel {into!r} of the corpus {config.corpus!r} publishes nothing that could be migrated",
            where=corpus.files.where(),
            remedy=f'run the configuration with [run] channel = "{into}": its first release needs no migration',
        )


def _check_name(into: str) -> None:
    try:
        _CHANNEL.validate_python(into)
    except ValidationError as error:
        raise ConfigError(
            f"{into!r} cannot be the name of a channel",
            expected="letters, digits, dots, dashes and underscores, 64 at most, a letter or digit first",
            where="into",
            remedy="name the channel that serves, such as main",
        ) from error


def entering(config: Config, into: str) -> Config:
    """Return a configuration as it runs in the channel that it was judged for, also one that has left its encoder."""
    return config.model_copy(update={"run": config.run.model_copy(update={"channel": into, "move_back": True})})
