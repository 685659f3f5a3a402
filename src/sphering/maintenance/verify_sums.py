"""Whether what was counted adds up: nothing was lost without a word between a source, a snapshot and its exports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sphering.errors import IntegrityError
from sphering.identity import sha256_file
from sphering.store.manifest import SnapshotManifest


def check_run_sums(record: Mapping[str, Any], where: str) -> None:
    """Check the sums of a run that committed a snapshot.

    Rows read = source documents + quarantined rows + duplicates + deletions; documents = those that an upsert carried
    over + tonight's chunks, or source documents where those are not cut, without those that the encoder refused, which
    are counted among the quarantined.

    Raises
    ------
    IntegrityError
        If the sums do not add up.
    """
    if record.get("snapshot") is None or record.get("rows_read") is None:
        return
    counts = {name: record.get(name) or 0 for name in ("quarantined", "duplicates", "deleted", "carried", "refused")}
    documents, carried, refused = record["documents"], counts.pop("carried"), counts.pop("refused")
    # Before there were chunks, a record said neither what was a source document nor what was refused.
    tonight = record.get("source_documents", documents - carried)
    counts["quarantined"] -= refused
    _require(record["rows_read"], "rows read", {"source documents": tonight, **counts}, where)
    chunks = record.get("chunks")
    named = {"source documents": tonight} if chunks is None else {"chunks": chunks}
    _require(documents + refused, "documents with those that were refused", {"carried over": carried, **named}, where)


def _require(whole: int, name: str, parts: Mapping[str, int], where: str) -> None:
    if whole != sum(parts.values()):
        said = " + ".join(f"{count} {part}" for part, count in parts.items())
        raise IntegrityError(f"the sums do not add up: {whole} {name}, {said}", where=where)


def check_quarantine(record: Mapping[str, Any], path: Path) -> None:
    """Check a run's quarantined rows: their bytes and their number are those of its record.

    Raises
    ------
    IntegrityError
        If they are not, or the file is missing.
    """
    found = sha256_file(path) if path.is_file() else None
    if found is not None and found == record.get("purged_from_sha256"):
        raise IntegrityError(
            "the quarantined rows of this run hold documents that a purge was about to erase",
            where=str(path),
            remedy="run the same `sphering purge` again: it was killed",
        )
    if found != record.get("quarantine_sha256"):
        what = "missing" if found is None else "not those that were written"
        raise IntegrityError(f"the quarantined rows of this run are {what}", where=str(path))
    counted, purged = record.get("quarantined"), record.get("purged", 0)
    rows = pq.read_metadata(path).num_rows if found else 0
    if counted is not None and rows + purged != counted:
        raise IntegrityError(
            f"{rows} rows are quarantined and {purged} purged, the run's record counts {counted}", where=str(path)
        )


def check_export_sums(export: Mapping[str, Any], excluded: Path, snapshot: SnapshotManifest, where: str) -> None:
    """Check documents = exported + excluded, and that every excluded document stands in its file.

    Raises
    ------
    IntegrityError
        If the sums do not add up.
    """
    if export["n"] + export["excluded"] != snapshot.documents:
        raise IntegrityError(
            f"the sums do not add up: {snapshot.documents} documents, {export['n']} exported + "
            f"{export['excluded']} excluded",
            where=where,
        )
    rows = pq.read_metadata(excluded).num_rows
    if rows != export["excluded"]:
        raise IntegrityError(f"{rows} documents are excluded, the manifest says {export['excluded']}", where=where)
