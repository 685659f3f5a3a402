"""XQuAD's English paragraphs as a snapshot, its questions and judgements as files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import Config
from sphering.encoder import Encoder, identify, open_encoder
from sphering.store.manifest import ShardEntry, SnapshotManifest
from sphering.store.shard import schema, vector_array, write_shard
from sphering.store.snapshot import Snapshot

XQUAD = Path(__file__).parents[2] / "examples" / "xquad"


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    config = SentenceTransformersConfig(backend="torch")
    return open_encoder(identify(config, "torch"), config)


@pytest.fixture(scope="session")
def paragraphs(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """120 English paragraphs in one shard."""
    frame = pl.read_parquet(XQUAD / "paragraphs.parquet").filter(pl.col("lang") == "en").head(120)
    hashes = [hashlib.sha256(text.encode()).digest() for text in frame["text"]]
    frame = frame.with_columns(text_hash=pl.Series(hashes, dtype=pl.Binary)).sort("text_hash")
    encoded = encoder.encode(frame["text"].to_list())
    count = len(frame)
    table = pa.table(
        {
            "doc_id": frame["id"].to_list(),
            "text": frame["text"].to_list(),
            "text_hash": pa.array(frame["text_hash"].to_list(), pa.binary(32)),
            "metadata_hash": pa.array([bytes(32)] * count, pa.binary(32)),
            "n_tokens": encoded.n_tokens,
            "n_unknown": pa.array([0] * count, pa.int32()),
            "truncated": encoded.truncated,
            "norm": pa.array([1.0] * count, pa.float32()),
            "metadata": ["{}"] * count,
            "embedding": vector_array(encoded.vectors),
        },
        schema=schema(encoder.dimension),
    )
    path = tmp_path_factory.mktemp("paragraphs") / "shard.parquet"
    write_shard(path, table)
    manifest = SnapshotManifest(
        id="5" * 16,
        corpus="xquad",
        encoder=encoder.identity.id,
        encoder_document={},
        dimension=encoder.dimension,
        content_digest="d" * 64,
        documents=count,
        texts=count,
        tokens=0,
        unknown=0,
        truncated=0,
        keep_text=True,
        labels=(),
        metadata=(),
        shards=(ShardEntry("shard", count, 0, 0, ""),),
        dropped_sha256=None,
        created_at="2026-01-01T00:00:00Z",
        run="tested",
    )
    return Snapshot(manifest, [path], None)


@pytest.fixture(scope="session")
def questions() -> pl.DataFrame:
    """The English questions: id, lang, text."""
    return pl.read_parquet(XQUAD / "questions.parquet").filter(pl.col("lang") == "en")


@pytest.fixture(scope="session")
def qrels(questions: pl.DataFrame) -> pl.DataFrame:
    """Their judgements, each on the English and the Vietnamese paragraph."""
    frame = pl.read_parquet(XQUAD / "qrels.parquet")
    return frame.filter(pl.col("query_id").is_in(questions["id"].to_list()))


@pytest.fixture
def configured(tmp_path: Path, questions: pl.DataFrame, qrels: pl.DataFrame) -> Config:
    """A configuration over copies of the files."""
    questions.write_parquet(tmp_path / "queries.parquet")
    qrels.write_parquet(tmp_path / "qrels.parquet")
    return configure(tmp_path)


def configure(folder: Path, **changes: object) -> Config:
    section = {
        "queries": str(folder / "queries.parquet"),
        "qrels": str(folder / "qrels.parquet"),
        "id": "id",
        "text": "text",
    }
    return Config.model_validate(
        {"corpus": "xquad", "source": {"path": "x"}, "evaluation": section | changes, "encoder": {"backend": "torch"}}
    )
