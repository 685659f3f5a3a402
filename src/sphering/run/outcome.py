"""What is said of a run when it has ended, to whoever listens: one flat mapping, for events, notices and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sphering.config.model import Config
from sphering.run.finish import error_words
from sphering.store.corpus import CorpusStore
from sphering.store.store import Store

FAILED: Final = "failed"
_OF_RECORD: Final = ("run", "purpose", "release", "snapshot", "base", "documents", "encoded", "seconds")


def outcome(config: Config, run: str | None, error: BaseException | None = None) -> dict[str, Any]:
    """Return how a run ended, read from its record, as plain JSON values.

    Parameters
    ----------
    config : Config
    run : str or None
        Its id; None where it failed before it had one.
    error : BaseException, optional
        What it failed with. Its message is left out where no text is kept, since it may quote one.

    Returns
    -------
    dict
        `corpus`, `channel`, `status` (published, held, withdrawn, unchanged, latest, failed; None where no release was
        asked for), `release`, `snapshot`, `base`, `documents`, `encoded`, `encoder_changed`, `transform_changed` (both
        against the base; None where there is none), `gates` (the metrics of those that failed) and `error`. What the
        run did not come to is None.
    """
    record: Mapping[str, Any] = {}
    corpus: CorpusStore | None = None
    if run is not None:
        corpus = Store.open(config.store).corpus(config.corpus)
        record = corpus.run_record(run) or {}
    failed = [gate["metric"] for gate in record.get("gates") or () if not gate["passed"] and gate["severity"] == "fail"]
    return {
        "corpus": config.corpus,
        "channel": config.run.channel,
        "status": FAILED if error is not None else record.get("release_status"),
        **{name: record.get(name) for name in _OF_RECORD},
        "encoder_changed": _encoder_changed(record),
        "transform_changed": None if corpus is None else _transform_changed(corpus, record),
        "gates": failed,
        "error": None if error is None else error_words(error, keep_text=config.source.keep_text),
    }


def _encoder_changed(record: Mapping[str, Any]) -> bool | None:
    return None if record.get("base") is None else record.get("encoder_change") is not None


def _transform_changed(corpus: CorpusStore, record: Mapping[str, Any]) -> bool | None:
    """Return whether the release has other bytes of a transform than the base: then every exported vector moved."""
    release, base = record.get("release"), record.get("base")
    if release is None or base is None or not (corpus.has_release(release) and corpus.has_release(base)):
        return None
    return corpus.release(release).transform_sha256 != corpus.release(base).transform_sha256
