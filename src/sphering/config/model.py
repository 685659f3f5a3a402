"""The one frozen model behind sphering.toml; unknown keys are refused.

What changes a result (encoder, normalise, transform, report, export) enters identities; [source], [run], [notify] and
[metrics] are provenance and enter none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, SerializeAsAny, model_validator

from sphering.config.chunk import ChunkConfig
from sphering.config.encoder import EncoderConfig, SentenceTransformersConfig
from sphering.config.evaluation import EvaluationConfig
from sphering.config.export import ExportConfig
from sphering.config.metrics import MetricsConfig
from sphering.config.notify import NotifyConfig
from sphering.config.position import place_in
from sphering.config.run import RunConfig
from sphering.config.table import ContradictionError, Name, Table, nearest

DOCUMENTS, TEXTS = "documents", "texts"
OF_KINDS: dict[str, tuple[str, ...]] = {
    "abtt": ("components",),
    "whiten": ("form", "power", "shrinkage", "soft", "dimension"),
}
"""What of [transform] only one kind reads."""


class SourceConfig(Table):
    """Where documents come from and which columns they have."""

    path: str | tuple[str, ...] | None = Field(
        None,
        description=(
            "A file, a folder, a glob, or a list of them, relative to this file. .gz and .zst are read as they are."
        ),
    )
    sql: str | None = Field(
        None,
        description="One SELECT in DuckDB's SQL instead of a path; its relative paths are relative to this file.",
    )
    format: Literal["parquet", "jsonl", "json", "csv", "lines", "text"] | None = Field(
        None,
        description=(
            "The format; by default read off the file names. `text` is a folder of .txt and .md files, one "
            "document each."
        ),
    )
    mode: Literal["full", "upsert"] = Field(
        "full",
        description=(
            "`full`: the source is the whole corpus; what is absent tonight is removed. `upsert`: a row takes the "
            "place of what `latest` has of its id, and all else stays; so does the old version of a row that is "
            "quarantined while it is read."
        ),
    )
    id: str | None = Field(
        None,
        description=(
            "The column with the document's id; `hash` gives ids from the content. By default the path for "
            "`text`, `<path>:<line>` for `lines`, and the column `id` elsewhere."
        ),
    )
    text: str = Field("text", description="The column with the text.")
    labels: tuple[str, ...] = Field(
        (),
        description=(
            "Metadata columns that hold a class label. The report counts the texts of each apart, and measures how far "
            "the labels lie apart: cosines within and between them, and how often a text's neighbours, or its label's "
            "mean, tell its label."
        ),
    )
    metadata: tuple[str, ...] = Field((), description="Columns kept with each document and its vector.")
    duplicates: Literal["error", "first", "last"] = Field(
        "error",
        description=(
            "What becomes of rows with one id and different content: refuse the source, or keep the first or last"
            " by `order_by`."
        ),
    )
    order_by: str | None = Field(
        None,
        description="The column that orders conflicting rows; by default (path, row number), for files only.",
    )
    deleted: str | None = Field(
        None,
        description=(
            "upsert: the column that says whether a row removes its id (true, 1, yes) or gives its text (false, 0, no "
            "or null). A row that removes needs no text."
        ),
    )
    max_bytes: int = Field(1_000_000, gt=0, description="Texts of more UTF-8 bytes are quarantined.")
    keep_text: bool = Field(True, description="Keep texts in the snapshot; false keeps their hashes alone.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.path is None) == (self.sql is None):
            raise ValueError("give exactly one of `path` and `sql`")
        return self

    @model_validator(mode="after")
    def _deletions_can_be_told(self) -> Self:
        if self.deleted is None:
            return self
        if self.mode != "upsert":
            raise ValueError('`deleted` is for mode = "upsert": in a full source, what is absent is removed')
        if self.id == "hash":
            raise ValueError('`deleted` needs ids: with id = "hash" an upsert only adds')
        if self.format in ("lines", "text"):
            raise ValueError(f"`deleted` names a column, and the format {self.format} has none")
        return self


class NormaliseConfig(Table):
    """What is done to a text before it is hashed and encoded; off means untouched."""

    unicode: Literal["NFC", "NFKC", "none"] = Field("none", description="Unicode normalisation form.")
    strip: bool = Field(False, description="Remove white space at both ends.")


class TransformConfig(Table):
    """The affine map in front of normalisation."""

    kind: Literal["auto", "none", "center", "standard", "abtt", "whiten"] = Field(
        "auto",
        description=(
            "`auto` takes the simplest map that no other is clearly better than on held-out items of [evaluation]. "
            "Without one it centres where mean cosine − 2 SE > 0.05, and else leaves vectors as they are."
        ),
    )
    form: Literal["zca", "pca", "cholesky", "zca-cor", "pca-cor"] = Field(
        "zca",
        description=(
            "whiten: keep the axes (zca), take principal axes (pca), the same of the correlations (zca-cor, pca-cor), "
            "or what each coordinate adds to those before it (cholesky)."
        ),
    )
    power: float = Field(1.0, ge=0, le=1, description="whiten: exponent γ of Λ^(−γ/2); 0 centres, 1 whitens fully.")
    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["ledoit-wolf", "oas"] = Field(
        0.0,
        description=(
            "whiten: share of (tr S/d)·I mixed into the covariance S, from 0 to 1, or the share that Ledoit and Wolf's "
            "or the OAS formula gives for these vectors."
        ),
    )
    soft: float = Field(
        0.0, ge=0, description="whiten: α of (S + α (tr S/d)·I)^(−1/2); the same cosines as shrinkage = α/(1 + α)."
    )
    dimension: int | None = Field(None, gt=0, description="whiten: keep the first k principal directions.")
    components: int = Field(1, ge=0, description="abtt: how many top directions are removed.")
    weights: str = Field(
        DOCUMENTS,
        description=(
            "What a vector counts for in the fit: `documents`, each document once; `texts`, each distinct text once; "
            "or a column of [source] metadata or labels with a number from 0 on for every document, such as a word's "
            "frequency; 0 leaves a document out."
        ),
    )
    refit: Literal["drift", "always", "never"] = Field(
        "drift", description="When the base's transform is fitted again."
    )
    max_drift: float = Field(
        0.02, gt=0, description="Drift (squared Bures distance over tr S) beyond which `drift` fits again."
    )

    @model_validator(mode="after")
    def _whitening_makes_sense(self) -> Self:
        if self.soft and self.shrinkage:
            raise ValueError("`soft` is another scale of `shrinkage`, α/(1 + α): one of the two is enough")
        if self.form == "cholesky" and self.power != 1.0:
            raise ValueError('form = "cholesky" has no `power`: it is of the whole inverse; take zca or pca')
        if self.form == "cholesky" and self.dimension is not None:
            raise ValueError(
                'form = "cholesky" has no `dimension`: its coordinates have no order of importance; take pca or zca'
            )
        return self


class ReportConfig(Table):
    """How the geometry is measured."""

    sample: int = Field(5_000, ge=100, description="Distinct texts (smallest hashes) for pairwise and k-NN metrics.")
    seed: int = Field(0, ge=0, description="Seed of every random choice.")
    extended: bool = Field(
        False,
        description=(
            "Measure also RankMe, stable ranks, partition isotropy, the Marchenko–Pastur edge, the von Mises–Fisher "
            "concentration, TwoNN and maximum-likelihood dimension, SelfCluster, and NC1 and CDNV of labels; gates may "
            "then bound them."
        ),
    )


class GateConfig(Table):
    """A bound on one number of the run, the report or an export."""

    metric: str = Field(
        description=(
            "The number's name, such as quarantined_share, transformed.mean_cosine or exports.faiss.recall_at_10."
        ),
    )
    min: float | None = Field(None, description="Smallest value that passes.")
    max: float | None = Field(None, description="Largest value that passes.")
    severity: Literal["fail", "warn"] = Field("fail", description="`fail` holds the release; `warn` only says so.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"the gate on {self.metric!r} has neither min nor max")
        return self


class Config(Table):
    """sphering.toml as one frozen value."""

    schema_version: Literal[1] = Field(1, description="The version of this file's layout.")
    corpus: Name = Field(description="The corpus' name.")
    base: str = Field(".", exclude=True, description="The folder of the file; set when it is read.")
    store: str = Field(
        "store",
        description=(
            "The store's folder, relative to this file, or `s3://bucket/prefix`; endpoint and credentials come from "
            "the usual AWS variables and files."
        ),
    )
    single_writer: bool = Field(
        False,
        description=(
            "Begin a store also in an object store that cannot create only what is absent: safe where one process "
            "alone ever writes to it."
        ),
    )
    source: SourceConfig
    normalise: NormaliseConfig = NormaliseConfig()
    chunk: ChunkConfig | None = None
    encoder: SerializeAsAny[EncoderConfig] = SentenceTransformersConfig()
    transform: TransformConfig = TransformConfig()
    evaluation: EvaluationConfig | None = None
    report: ReportConfig = ReportConfig()
    gate: tuple[GateConfig, ...] = ()
    export: tuple[SerializeAsAny[ExportConfig], ...] = ()
    run: RunConfig = RunConfig()
    notify: NotifyConfig | None = None
    metrics: MetricsConfig | None = None
    _file: Path | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _export_names_differ(self) -> Self:
        names = [export.name for export in self.export]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            second = len(names) - 1 - names[::-1].index(twice[0])
            raise ContradictionError(f"two exports are named {', '.join(twice)}", ("export", second, "name"))
        return self

    @model_validator(mode="after")
    def _exports_have_what_they_need(self) -> Self:
        columns = tuple(dict.fromkeys((*self.source.metadata, *self.source.labels)))
        for number, export in enumerate(self.export):
            for column in sorted(set(export.metadata or ()) - set(columns)):
                raise ContradictionError(
                    f"the export {export.name!r} carries {column!r}, which is no column of [source] metadata or labels",
                    ("export", number, "metadata"),
                    expected=", ".join(map(repr, columns)) or "a column of [source] metadata, which has none",
                    remedy=nearest(column, columns) or "add the column to [source] metadata",
                )
            if export.needs_queries and (self.evaluation is None or self.evaluation.queries is None):
                raise ContradictionError(
                    f"the export {export.name!r} finds the exact neighbours of queries, and there are none",
                    ("export", number),
                    expected="queries that the documents do not hold",
                    remedy="give [evaluation] queries and qrels",
                )
        return self

    @model_validator(mode="after")
    def _weights_are_kept(self) -> Self:
        weights, columns = self.transform.weights, (*self.source.metadata, *self.source.labels)
        if weights not in (DOCUMENTS, TEXTS, *columns):
            raise ContradictionError(
                f"[transform] weights = {weights!r}, which is no column of [source] metadata or labels",
                ("transform", "weights"),
                expected=", ".join(dict.fromkeys((f"`{DOCUMENTS}`", f"`{TEXTS}`", *map(repr, columns)))),
                remedy=nearest(weights, (DOCUMENTS, TEXTS, *columns)) or "add the column to [source] metadata",
            )
        return self

    @model_validator(mode="after")
    def _encoder_takes_these_texts(self) -> Self:
        try:
            self.encoder.check_normalised(self.normalise.model_dump())
        except ValueError as error:
            raise ContradictionError(str(error), ("encoder",)) from error
        return self

    @model_validator(mode="after")
    def _evaluation_can_be_made(self) -> Self:
        wanted = self.evaluation
        if wanted is None:
            return self
        labels = self.source.labels
        if wanted.labels is not None and wanted.labels not in labels:
            raise ContradictionError(
                f"[evaluation] labels = {wanted.labels!r}, which is none of [source] labels",
                ("evaluation", "labels"),
                expected=", ".join(map(repr, labels)) or "a column of [source] labels, which has none",
                remedy=nearest(wanted.labels, labels) or "add the column to [source] labels",
            )
        halves = ("evaluation", "halves")
        if wanted.halves is not None and not self.source.keep_text:
            raise ContradictionError(
                "[evaluation] halves are cut from texts, and [source] keep_text = false keeps none", halves
            )
        if wanted.halves is not None and self.encoder.kind == "precomputed":
            raise ContradictionError("[evaluation] halves are texts of which nobody computed a vector before", halves)
        return self

    def document(self) -> dict[str, Any]:
        """Return the configuration as plain JSON values, defaults included."""
        return self.model_dump(mode="json")

    def given(self) -> dict[str, Any]:
        """Return what was configured, without defaults, as plain JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)

    def read_from(self, file: Path) -> Self:
        """Return the configuration as that of a file, which errors about it name."""
        config = self.model_copy(update={"base": str(file.parent)})
        config._file = file
        return config

    def place(self, *path: str | int) -> str:
        """Return where the key of a table stands, for an error: file, line and table, as far as they are known."""
        return place_in(self._file, path)
