"""Where everything of a corpus lies: the one place that spells a key."""

from __future__ import annotations

from dataclasses import dataclass

PROBE = "probe.parquet"
PARITY = "parity.json"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Layout:
    """The keys of one corpus; all are relative to the store."""

    corpus: str

    @property
    def root(self) -> str:
        """The corpus' folder."""
        return f"corpora/{self.corpus}"

    @property
    def all_shards(self) -> str:
        """The folder of the shards of all encoders."""
        return f"{self.root}/shards"

    def shards(self, encoder: str) -> str:
        """The folder of an encoder's shards."""
        return f"{self.all_shards}/{encoder}"

    def shard(self, encoder: str, shard: str) -> str:
        """One shard's Parquet file."""
        return f"{self.shards(encoder)}/{shard}.parquet"

    def moments(self, encoder: str, shard: str, moments: str) -> str:
        """The moments of a stretch of shards, named by its first, derived from their vectors."""
        return f"{self.shards(encoder)}/{shard}.{moments}.moments"

    def probe(self, encoder: str) -> str:
        """The probe of an encoder."""
        return f"{self.shards(encoder)}/{PROBE}"

    @property
    def pins(self) -> str:
        """The folder of what `backend = "auto"` was resolved to."""
        return f"{self.root}/encoders"

    def pin(self, model_name: str) -> str:
        """What `backend = "auto"` was resolved to for a model."""
        return f"{self.pins}/{model_name}.json"

    def parity(self, encoder: str) -> str:
        """How a fast form of an encoder stood to its reference at its first use."""
        return f"{self.shards(encoder)}/{PARITY}"

    @property
    def snapshots(self) -> str:
        """The folder of snapshots."""
        return f"{self.root}/snapshots"

    def manifest(self, snapshot: str) -> str:
        """A snapshot's manifest."""
        return f"{self.snapshots}/{snapshot}/{MANIFEST}"

    def dropped(self, snapshot: str, sha256: str) -> str:
        """The rows that a snapshot leaves out of its shards; named by its bytes: it fits one list of shards only."""
        return f"{self.snapshots}/{snapshot}/dropped-{sha256[:16]}.parquet"

    @property
    def evaluations(self) -> str:
        """The folder of evaluations."""
        return f"{self.root}/evaluations"

    def evaluation(self, evaluation: str) -> str:
        """An evaluation's folder."""
        return f"{self.evaluations}/{evaluation}"

    def evaluation_manifest(self, evaluation: str) -> str:
        """What an evaluation's files are, the last of them that is written."""
        return f"{self.evaluation(evaluation)}/{MANIFEST}"

    @property
    def transforms(self) -> str:
        """The folder of transforms."""
        return f"{self.root}/transforms"

    def transform(self, transform: str) -> str:
        """A transform's folder."""
        return f"{self.transforms}/{transform}"

    @property
    def reports(self) -> str:
        """The folder of reports."""
        return f"{self.root}/reports"

    def report(self, report: str) -> str:
        """A report's numbers."""
        return f"{self.reports}/{report}/report.json"

    @property
    def exports(self) -> str:
        """The folder of exports."""
        return f"{self.root}/exports"

    def export(self, export: str) -> str:
        """An export's folder."""
        return f"{self.exports}/{export}"

    def export_manifest(self, export: str) -> str:
        """What an export's files are, the last of them that is written."""
        return f"{self.export(export)}/{MANIFEST}"

    @property
    def releases(self) -> str:
        """The folder of releases."""
        return f"{self.root}/releases"

    def release(self, release: str) -> str:
        """A release."""
        return f"{self.releases}/{release}/release.json"

    def page(self, release: str) -> str:
        """A release's rendered report page."""
        return f"{self.releases}/{release}/report.html"

    @property
    def runs(self) -> str:
        """The folder of run records."""
        return f"{self.root}/runs"

    def run(self, run: str) -> str:
        """A run's record."""
        return f"{self.runs}/{run}/run.json"

    def quarantine(self, run: str) -> str:
        """A run's quarantined rows."""
        return f"{self.runs}/{run}/quarantine.parquet"

    @property
    def tombstones(self) -> str:
        """The folder of what says which documents were erased."""
        return f"{self.root}/tombstones"

    def tombstone(self, tombstone: str) -> str:
        """What says that documents were erased."""
        return f"{self.tombstones}/{tombstone}.json"

    @property
    def refs(self) -> str:
        """The folder of refs."""
        return f"{self.root}/refs"

    def ref(self, channel: str, name: str) -> str:
        """The folder of one ref's numbered values."""
        return f"{self.refs}/{channel}/{name}"

    @property
    def locks(self) -> str:
        """The folder of the corpus' lease."""
        return f"locks/{self.corpus}"

    def lock(self, number: int) -> str:
        """One holder of the corpus' lease."""
        return f"{self.locks}/{number:08d}.json"

    @property
    def scratch(self) -> str:
        """The folder of the working files of runs that have not ended."""
        return f"{self.root}/scratch"
