"""A release: a snapshot under one transform, with its report, exports and gate results: what can be published."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sphering.identity import canonical_json, short_id

RELEASE_VERSION = 1


@dataclass(frozen=True)
class GateResult:
    """One gate as it was judged; `value` is None where the number does not exist, and then the gate passes."""

    metric: str
    value: float | None
    min: float | None
    max: float | None
    severity: str
    passed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class ExportEntry:
    """What a release says of one of its exports; `path` is relative to the store, `config` its [[export]] table."""

    name: str
    format: str
    id: str
    path: str
    manifest_sha256: str
    config: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as plain JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Release:
    """The content of release.json.

    `encoder_config` is the [encoder] table that opens the model for queries: a release must be searchable though the
    run that made it was killed before it left a record. Names and places in it are provenance, in no id.
    """

    id: str
    corpus: str
    encoder: str
    snapshot: str
    transform: str
    transform_sha256: str
    report: str
    bundle: str
    bundle_document: dict[str, Any]
    encoder_config: dict[str, Any]
    exports: tuple[ExportEntry, ...]
    gates: tuple[GateResult, ...]
    base: str | None
    created_at: str
    run: str

    @property
    def passed(self) -> bool:
        """Whether no gate of severity `fail` failed."""
        return all(gate.passed or gate.severity == "warn" for gate in self.gates)

    def serves_as(self, other: Release) -> bool:
        """Return whether consumers of this release get what those of the other get, whatever the two ids are."""
        return self._served() == other._served()

    def _served(self) -> tuple[Any, ...]:
        tables = sorted(canonical_json(entry.config) for entry in self.exports)
        return self.snapshot, self.transform_sha256, tables

    def to_json(self) -> dict[str, Any]:
        """Return the release as plain JSON values."""
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "exports": [export.to_json() for export in self.exports],
            "gates": [gate.to_json() for gate in self.gates],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Release:
        """Return the release that `to_json` wrote."""
        fields = dict(document)
        fields["exports"] = tuple(ExportEntry(**entry) for entry in fields["exports"])
        fields["gates"] = tuple(GateResult(**entry) for entry in fields["gates"])
        return cls(**fields)


def release_id(
    *,
    snapshot: str,
    transform: str,
    report: str,
    exports: list[str],
    bundle: str,
    gates: list[dict[str, Any]],
    base: str | None,
) -> str:
    """Return the id of a release from the ids of its parts and its declared gates."""
    return short_id(
        {
            "snapshot": snapshot,
            "transform": transform,
            "report": report,
            "exports": exports,
            "bundle": bundle,
            "gates": gates,
            "base": base,
            "v": RELEASE_VERSION,
        }
    )
