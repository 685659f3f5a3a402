"""A corpus moved to another encoder: made in a channel of its own, judged, then made in the channel that serves."""

from __future__ import annotations

from sphering.config.model import Config
from sphering.errors import ConfigError, NotFoundError
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store


def check_migration(config: Config, into: str) -> None:
    """Refuse a migration that has no channel of its own or nothing to be compared with, before anything is encoded.

    Raises
    ------
    ConfigError
        If the configuration's channel is the one that it is to go into.
    NotFoundError
        If that one publishes nothing.
    """
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


def entering(config: Config, into: str) -> Config:
    """Return a configuration as it runs in the channel that it was judged for, also one that has left its encoder."""
    return config.model_copy(update={"run": config.run.model_copy(update={"channel": into, "move_back": True})})
