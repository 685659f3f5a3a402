"""The id of an export: of what went into it, not of the bytes that a machine made of it."""

from __future__ import annotations

from typing import Any

from sphering.config.export import ExportConfig
from sphering.identity import short_id

EXPORT_VERSION = 2


def export_table(config: ExportConfig) -> dict[str, Any]:
    """Return the [[export]] table as plain JSON values, defaults included."""
    return config.model_dump(mode="json")


def export_id(
    config: ExportConfig,
    snapshot_id: str,
    transform_sha256: str,
    evaluation_id: str | None = None,
    base: str | None = None,
) -> str:
    """Return the id of an export.

    Parameters
    ----------
    config : ExportConfig
    snapshot_id : str
    transform_sha256 : str
        SHA-256 of the transform's content, not its id: where two machines fitted other bits, the exports differ.
    evaluation_id : str, optional
        The queries that a recall is measured on; left out where the export loses nothing.
    base : str, optional
        The release that a delta stands on.
    """
    return short_id(
        {
            "snapshot": snapshot_id,
            "transform": transform_sha256,
            "export": export_table(config),
            "evaluation": evaluation_id if config.uses_queries else None,
            "base": base,
            "v": EXPORT_VERSION,
        }
    )
