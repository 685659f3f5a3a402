"""The catalog's views over Parquet files: the documents of every snapshot, and the rows that became none."""

from __future__ import annotations

import glob
import logging
from collections.abc import Iterator

from sphering.sqltext import load, quote_identifier, quote_literal
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles
from sphering.store.refs import NAMES
from sphering.store.shard import CHUNK_PLACE
from sphering.store.snapshot import Snapshot, path_list
from sphering.store.store import Store

_log = logging.getLogger(__name__)
_PLACES = "".join(f"document.{quote_identifier(field.name)}, " for field in CHUNK_PLACE)


def quarantine_view(store: Store) -> str:
    """Return the statements of the view over the quarantined rows of all runs.

    It goes by a pattern, because a file that is removed later would break a view that names it.
    """
    corpora = [store.corpus(name) for name in store.corpora()]
    keys = [corpus.layout.quarantine(run) for corpus in corpora for run in corpus.files.children(corpus.layout.runs)]
    places = [str(store.files.path(key)).removesuffix(key) for key in keys if store.files.path(key).is_file()]
    anywhere = CorpusStore(store.files, "*").layout.quarantine("*")
    pattern = quote_literal(glob.escape(places[0]) + anywhere) if places else ""
    files = (
        load("catalog_quarantine_files").replace("$pattern", pattern) if places else load("catalog_nothing_quarantined")
    )
    return load("catalog_quarantine_view").replace("$files", files)


def document_views(corpus: CorpusStore) -> Iterator[str]:
    """Yield the statements of one view for each snapshot, `<corpus>.snapshot_<id>`, then of one for each ref.

    A ref's is `<corpus>.published` or `<corpus>.latest`, of another channel than main `<corpus>.<channel>_<ref>`.
    A snapshot of which a file is lost has none, nor has one in an object store that no ref names: its shards would be
    copied to this machine.
    """
    named = dict(_named(corpus))
    is_local = isinstance(corpus.files, LocalFiles)
    readers = [corpus.snapshot(name) for name in corpus.snapshot_ids() if is_local or name in named.values()]
    whole = {reader.id for reader in readers if _is_whole(reader)}
    for reader in readers:
        if reader.id in whole:
            yield _snapshot_view(corpus, reader)
    for (channel, name), snapshot in named.items():
        if snapshot in whole:
            view = _quoted(corpus, name if channel == "main" else f"{channel}_{name}")
            what = f"The documents of {corpus.name} that {channel}/{name} names."
            chunked = corpus.manifest(snapshot).chunk is not None
            statement = load("catalog_ref_view").replace("$snapshot", _quoted(corpus, f"snapshot_{snapshot}"))
            yield statement.replace("$view", view) + _comments(view, what, chunked=chunked)


def _named(corpus: CorpusStore) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the channel and name of each ref with the snapshot of its release."""
    for channel in corpus.refs.channels():
        for name in NAMES:
            value = corpus.refs.read(channel, name)
            if value is not None and corpus.has_release(value.release):
                yield (channel, name), corpus.release(value.release).snapshot


def _is_whole(reader: Snapshot) -> bool:
    """Return whether all files of a snapshot are there."""
    paths = [*reader.paths, *([reader.dropped_path] if reader.dropped_path else [])]
    lost = [path for path in paths if not path.is_file()]
    if lost:
        _log.warning("the catalog has no view of the snapshot %s: %s is lost", reader.id, lost[0])
    return not lost


def _snapshot_view(corpus: CorpusStore, reader: Snapshot) -> str:
    view = _quoted(corpus, f"snapshot_{reader.id}")
    chunked = reader.manifest.chunk is not None
    gone = (
        load("catalog_dropped").replace("$dropped", path_list([reader.dropped_path]))
        if reader.dropped_path
        else load("catalog_nothing_dropped")
    )
    statement = (
        load("catalog_documents_view")
        .replace("$view", view)
        .replace("$gone", gone)
        .replace("$dimension", str(int(reader.dimension)))
        .replace("$paths", path_list(reader.paths))
        .replace("$places", _PLACES if chunked else "")
    )
    what = f"The documents of the snapshot {reader.id} of {corpus.name}."
    return statement + _comments(view, what, chunked=chunked)


def _comments(view: str, what: str, *, chunked: bool) -> str:
    comments = load("catalog_documents_comments").replace("$what", quote_literal(what))
    return (comments + (load("catalog_chunk_comments") if chunked else "")).replace("$view", view)


def _quoted(corpus: CorpusStore, view: str) -> str:
    return f"{quote_identifier(corpus.name)}.{quote_identifier(view)}"
