"""The last step: the run's record, and what the run says of itself."""

from __future__ import annotations

import logging
import platform
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sphering import __version__
from sphering.catalog.rebuild import rebuild
from sphering.errors import IntegrityError, SpheringError
from sphering.export.facts import export_facts
from sphering.run import lease
from sphering.run.begin import PUBLISHING
from sphering.run.commit import refused_count
from sphering.run.ingest import staged_of
from sphering.run.parcel import remove_sent
from sphering.run.quarantine import quarantine_sha256, write_quarantine
from sphering.run.workspace import Workspace
from sphering.source.staged import Staged
from sphering.store.clock import now
from sphering.store.documents import create_document
from sphering.store.release import Release
from sphering.store.store import Store

HELD_EXIT = 3
_log = logging.getLogger(__name__)
_READ = ("rows_read", "source_documents", "chunks", "carried", "deleted", "duplicates")
_LIBRARIES = (
    "numpy",
    "pyarrow",
    "duckdb",
    "faiss-cpu",
    "torch",
    "sentence-transformers",
    "openvino",
    "prefect",
    "semantic-text-splitter",
)


def finish(path: Path) -> dict[str, Any]:
    """Write the run's record, remove the workspace, and return the run's result as JSON values.

    Raises
    ------
    IntegrityError
        If the sums do not add up, or an export of the release is not the one that it was committed with.
    """
    workspace = Workspace(path)
    result = _result(workspace)
    if workspace.has("ingest"):
        written = write_quarantine(workspace)
        if written != result["quarantined"]:
            raise IntegrityError(
                f"{written} quarantined rows were written, {result['quarantined']} were counted",
                expected="every quarantined row in quarantine.parquet",
                where=str(path),
            )
    _record(workspace, {**result, "status": "finished", "error": None})
    _rebuild_catalog(workspace)
    _end(workspace)
    return result


def abandon(path: Path, error: BaseException) -> None:
    """Write the record of a run that failed, with the rows that it quarantined, and remove its workspace.

    What the run finished stays in the store.
    """
    workspace = Workspace(path)
    if not workspace.has("begin"):
        _end(workspace)
        return
    said = error_words(error, keep_text=workspace.config.source.keep_text)
    record = {**_identity(workspace), **_bill(workspace), "status": "failed", "error": said}
    try:
        if workspace.has("ingest"):
            write_quarantine(workspace)
        _record(workspace, record)
    finally:  # also where the disk is full: what a dead run leaves there would keep the next one from its work
        _end(workspace)


def error_words(error: BaseException, *, keep_text: bool) -> str:
    """Return what a record says of an error; not its message, which may quote a text, where no text is kept."""
    said = error if keep_text else "its message is not kept, as no text is (keep_text = false)"
    return f"{type(error).__name__}: {said}"


def _end(workspace: Workspace) -> None:
    """Remove the workspace and what was sent of it, then let others take the corpus."""
    try:
        remove_sent(workspace)
    except SpheringError as error:  # the next run removes it
        _log.warning("what was sent to workers could not be removed: %s", error)
    workspace.remove()
    lease.release(workspace)


def _rebuild_catalog(workspace: Workspace) -> None:
    """Bring the catalog up to date; it is derived, so a run that is done does not fail for it."""
    import duckdb

    try:
        rebuild(Store(workspace.corpus.files))
    except (SpheringError, OSError, duckdb.Error) as error:
        _log.warning("the catalog is not up to date, `sphering sql` makes it anew: %s", error)


def _identity(workspace: Workspace) -> dict[str, Any]:
    snapshot = workspace.read("snapshot") if workspace.has("snapshot") else {}
    return {
        "run": workspace.run,
        "purpose": workspace.begun["purpose"],
        "corpus": workspace.corpus.name,
        "encoder": workspace.begun["encoder"],
        "model": workspace.begun["encoder_provenance"].get("model"),
        "backend": workspace.begun["backend"],
        "backend_reason": workspace.begun["encoder_provenance"].get("backend_reason"),
        "encoder_change": workspace.begun.get("encoder_change"),
        "base": workspace.begun["base"],
        "snapshot": snapshot.get("snapshot"),
        "snapshot_status": snapshot.get("status"),
        "documents": snapshot.get("documents"),
        "parity": workspace.read("parity") if workspace.has("parity") else None,
        "probe": workspace.read("probe") if workspace.has("probe") else None,
    }


def _result(workspace: Workspace) -> dict[str, Any]:
    release = _release(workspace)
    passed_ingest = not workspace.has("ingest") or workspace.read("ingest")["passed"]
    status = workspace.read("published")["status"] if workspace.has("published") else None
    status = "held" if not passed_ingest else status
    held = status in ("held", "withdrawn") or (release is not None and not release.passed)
    return {
        **_identity(workspace),
        "release": release.id if release else None,
        "release_status": status,
        **_counts(workspace),
        **_snapshot_counts(workspace),
        **_bill(workspace),
        "evaluation_encoded": workspace.read("evaluation").get("encoded", 0) if workspace.has("evaluation") else 0,
        "seconds": round(time.time() - workspace.begun["started"], 3),
        "gates": _gates(workspace, release),
        "exports": [export_facts(workspace.corpus, entry) for entry in release.exports] if release else [],
        "report": workspace.corpus.layout.page(release.id) if release else None,
        "transform": workspace.read("transform") if workspace.has("transform") else None,
        "timings": _timings(workspace),
        "exit_code": HELD_EXIT if held and workspace.begun["purpose"] in PUBLISHING else 0,
    }


def _release(workspace: Workspace) -> Release | None:
    if not workspace.has("published"):
        return None
    return workspace.corpus.release(workspace.read("release")["release"])


def _counts(workspace: Workspace) -> dict[str, Any]:
    """Return what was read, and check promise 3: every row is accounted for."""
    if not workspace.has("ingest"):
        unread = dict.fromkeys((*_READ, "quarantined", "refused"))
        return {**unread, "encoded": 0, "reused": None, "removed": None}
    staged = staged_of(workspace)
    refused = refused_count(workspace) if workspace.has("units") else 0
    quarantined = staged.quarantined + refused
    if workspace.has("snapshot"):
        _check_sums(workspace, staged, refused)
    read = {name: getattr(staged, name) for name in _READ}
    return {**read, "quarantined": quarantined, "refused": refused, **_work(workspace)}


def _check_sums(workspace: Workspace, staged: Staged, refused: int) -> None:
    staged.check()
    documents = workspace.read("snapshot")["documents"]
    if staged.documents != documents + refused:
        raise IntegrityError(
            f"the sums do not add up: {staged.documents} documents staged, {documents} in the snapshot, "
            f"{refused} refused by the encoder",
            expected="documents staged = documents of the snapshot + those that the encoder refused",
            where=str(workspace.path),
        )


def _work(workspace: Workspace) -> dict[str, int]:
    """Return the distinct texts that were encoded and reused, and the documents that were removed."""
    if not workspace.has("units"):
        return {"encoded": 0, "reused": 0, "removed": 0}
    planned = workspace.read("units")
    units = [workspace.read(f"unit-{unit:06d}") for unit in range(planned["count"])]
    encoded, refused = (sum(unit[name] for unit in units) for name in ("encoded", "refused_texts"))
    if not workspace.has("snapshot"):
        return {"encoded": encoded, "reused": 0, "removed": 0}
    texts = workspace.corpus.manifest(workspace.read("snapshot")["snapshot"]).texts
    return {"encoded": encoded, "reused": texts - (encoded - refused), "removed": planned["removed"]}


def _snapshot_counts(workspace: Workspace) -> dict[str, Any]:
    if not workspace.has("snapshot"):
        return {"truncated": None, "excluded": None}
    manifest = workspace.corpus.manifest(workspace.read("snapshot")["snapshot"])
    release = _release(workspace)
    excluded = _excluded(workspace, release) if release else None
    return {"truncated": manifest.truncated, "excluded": excluded}


def _bill(workspace: Workspace) -> dict[str, Any]:
    """Return the tokens that were read for the texts of the units that are done, those a server bills, and their cost.

    Each is None where it is not known of every unit: a part would pass for the whole.
    """
    units = [workspace.read(path.stem) for path in workspace.path.glob("unit-*.json")]
    busy = [unit for unit in units if unit["encoded"]]
    billed = _sum_known([unit["billed_tokens"] for unit in busy])
    cost = None if billed is None else workspace.config.encoder.cost(billed)
    tokens = _sum_known([unit["encoded_tokens"] for unit in busy])
    return {"encoded_tokens": tokens, "billed_tokens": billed, "cost": cost}


def _sum_known(counts: list[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _excluded(workspace: Workspace, release: Release) -> int | None:
    from sphering.run.release import committed_manifest

    manifests = [committed_manifest(workspace.corpus, entry) for entry in release.exports]
    return max((int(manifest["excluded"]) for manifest in manifests), default=None)


def _gates(workspace: Workspace, release: Release | None) -> list[dict[str, Any]]:
    run_gates: list[dict[str, Any]] = workspace.read("ingest")["gates"] if workspace.has("ingest") else []
    return run_gates + [gate.to_json() for gate in release.gates] if release else run_gates


def _timings(workspace: Workspace) -> dict[str, float]:
    """Return the seconds of each step; those of `embed` go from the first unit's begin to the last one's end."""
    units = [workspace.read(path.stem) for path in workspace.path.glob("unit-*.json")]
    begin = min((unit["ended"] - unit["seconds"] for unit in units), default=0.0)
    end = max((unit["ended"] for unit in units), default=0.0)
    return {"embed": round(end - begin, 3)} | {
        path.stem.removeprefix("seconds-"): workspace.read(path.stem)["seconds"]
        for path in sorted(workspace.path.glob("seconds-*.json"))
    }


def _record(workspace: Workspace, result: dict[str, Any]) -> None:
    begun = workspace.begun
    staged = staged_of(workspace) if workspace.has("ingest") else None
    record = {
        **result,
        "started_at": begun["started_at"],
        "ended_at": now(),
        "config": workspace.config.document(),
        "parent": workspace.read("units")["parent"] if workspace.has("units") else None,
        "sources": [asdict(file) for file in staged.files] if staged else [],
        "reasons": dict(staged.reasons) if staged else {},
        "chunk": staged.chunk if staged else None,
        "quarantine_sha256": quarantine_sha256(workspace),
        "encoder_provenance": begun["encoder_provenance"],
        **({"tombstone": begun["tombstone"]} if "tombstone" in begun else {}),
        "versions": _versions(),
        "machine": {"python": platform.python_version(), "system": platform.platform()},
    }
    create_document(workspace.corpus.files, workspace.corpus.layout.run(workspace.run), record)


def _versions() -> dict[str, str]:
    found = {"sphering": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
