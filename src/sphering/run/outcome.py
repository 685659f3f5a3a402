"""What is said of a run when it has ended, to whoever listens: one flat mapping, for events, notices and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sphering.config.model import Config
from sphering.errors import SpheringError
from sphering.run.finish import HELD_EXIT, error_words
from sphering.run.target import target_of
from sphering.store.store import Store

PUBLISHED, UNCHANGED, HELD, WITHDRAWN, LATEST = "published", "unchanged", "held", "withdrawn", "latest"
FINISHED, DRIFTED, FAILED, INTERRUPTED = "finished", "drifted", "failed", "interrupted"
OF_RELEASES: Final = (PUBLISHED, UNCHANGED, HELD, WITHDRAWN, LATEST)
STATUSES: Final = (*OF_RELEASES, FINISHED, DRIFTED, FAILED, INTERRUPTED)
SERVED: Final = (PUBLISHED, UNCHANGED)
"""Where `published` names the release of the run."""
_INTERRUPTED_EXIT: Final = 130
_FACTS: Final = (
    "run",
    "release",
    "snapshot",
    "base",
    "documents",
    "rows_read",
    "quarantined",
    "duplicates",
    "encoded",
    "reused",
    "removed",
    "report",
)


def of_result(config: Config, result: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return how a run ended that went to its end, as plain JSON values.

    Parameters
    ----------
    config : Config
    result : mapping
        What the run says of itself: what `sphering run --json` prints.
    text : str
        What came of it, in a sentence.

    Returns
    -------
    dict
        `text, corpus, channel, purpose, status` (one of `STATUSES`), `exit_code`, `seconds`; what the run found out of
        itself; `encoder_changed` and `transform_changed` (both against the base; None where there is none);
        `gates_failed` and `error`. What it did not come to is None.
    """
    status = str(result.get("release_status") or FINISHED)
    said = _said(config, str(result["purpose"]), status, text, int(result["exit_code"]), float(result["seconds"]))
    return said | _facts(config, result) | {"gates_failed": failed_gates(result.get("gates") or ())}


def of_failure(config: Config, purpose: str, run: str | None, error: BaseException, seconds: float) -> dict[str, Any]:
    """Return how a run ended that failed or was interrupted, with what its record says, as `of_result` does.

    Parameters
    ----------
    config : Config
    purpose : str
        What it was to do, such as `run` or `verify`.
    run : str or None
        Its id; None where it failed before it had one, or needs none.
    error : BaseException
        What it failed with. Its message is left out where no text is kept, since it may quote one.
    seconds : float
        How long it took.
    """
    failed = isinstance(error, Exception)
    status, exit_code = (FAILED, int(getattr(error, "exit_code", 1))) if failed else (INTERRUPTED, _INTERRUPTED_EXIT)
    words = error_words(error, keep_text=config.source.keep_text)
    said = _said(config, purpose, status, f"{status}: {purpose} of {target_of(config)}, {words}", exit_code, seconds)
    return said | _facts(config, _record(config, run)) | {"error": words}


def of_check(
    config: Config, purpose: str, status: str, text: str, seconds: float, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return how something ended that makes no release of its own, such as `verify`, as `of_result` does.

    `facts` are those that it knows, such as `release`; the others are None.
    """
    exit_code = HELD_EXIT if status in (HELD, DRIFTED) else 0
    return _said(config, purpose, status, text, exit_code, seconds) | dict(facts)


def failed_gates(gates: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the gates that hold a release, with what each judged and its bounds."""
    names = ("metric", "value", "min", "max")
    return [{name: gate[name] for name in names} for gate in gates if not gate["passed"] and gate["severity"] == "fail"]


def _said(config: Config, purpose: str, status: str, text: str, exit_code: int, seconds: float) -> dict[str, Any]:
    return {
        "text": text,
        "corpus": config.corpus,
        "channel": config.run.channel,
        "purpose": purpose,
        "status": status,
        "exit_code": exit_code,
        "seconds": round(seconds, 3),
        **dict.fromkeys(_FACTS),
        "encoder_changed": None,
        "transform_changed": None,
        "gates_failed": [],
        "error": None,
    }


def _facts(config: Config, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result or a record says."""
    return {
        **{name: found.get(name) for name in _FACTS},
        "encoder_changed": None if found.get("base") is None else found.get("encoder_change") is not None,
        "transform_changed": _transform_changed(config, found),
    }


def _record(config: Config, run: str | None) -> Mapping[str, Any]:
    """Return a run's record; nothing where it has none, or where the store is what the run failed for."""
    if run is None:
        return {}
    try:
        return Store.open(config.store).corpus(config.corpus).run_record(run) or {}
    except SpheringError:
        return {}


def _transform_changed(config: Config, found: Mapping[str, Any]) -> bool | None:
    """Return whether the release has other bytes of a transform than the base: then every exported vector moved."""
    release, base = found.get("release"), found.get("base")
    if release is None or base is None:
        return None
    try:
        corpus = Store.open(config.store).corpus(config.corpus)
        return corpus.release(release).transform_sha256 != corpus.release(base).transform_sha256
    except SpheringError:  # one of the two is gone, or the store
        return None
