"""Which corpus of which store a command is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sphering.cli.shared import Shared
from sphering.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from sphering.config.model import Config
    from sphering.store.corpus import CorpusStore
    from sphering.store.store import Store


@dataclass(frozen=True)
class Place:
    """A corpus, and the channel that bare names of refs belong to."""

    corpus: CorpusStore
    channel: str

    def selector(self, given: str | None, default: str) -> str:
        """Return what to look for: a bare ref, or nothing at all, means a ref of the configured channel."""
        wanted = given or default
        return f"{self.channel}/{wanted}" if wanted in ("latest", "published") else wanted


def config_of(shared: Shared, overrides: Sequence[str] = ()) -> Config:
    """Return the configuration that a command works by."""
    from sphering.config.load import DEFAULT_FILE, load

    return load(shared.config or Path(DEFAULT_FILE), overrides)


def store_of(shared: Shared) -> Store:
    """Return the store, opened."""
    from sphering.store.store import Store

    if shared.store is None:
        if shared.corpus is not None:
            raise InputError("--corpus is given without --store", remedy="give both, or --config FILE alone")
        return Store.open(config_of(shared).store)
    if shared.config is not None:
        raise InputError("--config and --store are both given", remedy="give one of them")
    is_url = "://" in shared.store
    return Store.open(shared.store if is_url else Path(shared.store).expanduser().absolute())


def place_of(shared: Shared) -> Place:
    """Return the corpus, which exists.

    Raises
    ------
    NotFoundError
        If the store or the corpus does not exist.
    """
    store = store_of(shared)
    if shared.store is None:
        config = config_of(shared)
        return Place(store.corpus(_existing(store, config.corpus)), config.run.channel)
    return Place(store.corpus(_existing(store, shared.corpus)), "main")


def _existing(store: Store, name: str | None) -> str:
    names = store.corpora()
    if name is None and len(names) == 1:
        return names[0]
    if name in names and name is not None:
        return name
    found = ", ".join(names) or "none yet"
    if name is None:
        raise InputError(
            f"the store has {len(names)} corpora", expected=f"--corpus with one of: {found}", where=store.files.where()
        )
    raise NotFoundError(
        f"the store has no corpus {name!r}",
        expected=f"one of: {found}",
        where=store.files.where(),
        remedy="`sphering run` makes a corpus' first snapshot",
    )
