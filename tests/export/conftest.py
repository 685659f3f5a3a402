"""Real snapshots on disk: bank questions and XQuAD paragraphs under the default model, in several shard layouts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoding import Encoding
from numpy.typing import NDArray

from sphering.config.export import ExportConfig
from sphering.config.model import TransformConfig
from sphering.export.conformance import Corpus
from sphering.export.make import make_export
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.files import (
    EXCLUDED,
    EXCLUDED_SCHEMA,
    HELD_OUT,
    IDS,
    IDS_SCHEMA,
    VECTORS,
    Matrix,
    MatrixFacts,
)
from sphering.export.matrix.ordered import write_table
from sphering.export.protocol import ExportJob
from sphering.geometry.moments import Moments
from sphering.store.local_files import LocalFiles
from sphering.store.snapshot import Snapshot
from sphering.transform import Transform, fit
from tests.export.indexes import KEY
from tests.export.postgres import Database, new_database, running

EXAMPLES = Path(__file__).parents[2] / "examples"
DEBIAN = Path(__file__).parents[3] / "shared" / "data" / "debian_descriptions" / "debian_bookworm_en.parquet"


def _corpus(encoding: Encoding, ids: list[str], texts: list[str]) -> Corpus:
    distinct = sorted(set(texts))
    rows = dict(zip(distinct, encoding.vectors(distinct), strict=True))
    order = sorted(range(len(ids)), key=lambda row: ids[row].encode())
    texts = [texts[row] for row in order]
    vectors = np.stack([rows[text] for text in texts])
    return Corpus(encoding.identity.id, [ids[row] for row in order], texts, vectors)


@pytest.fixture(scope="session")
def bank(encoding: Encoding) -> Corpus:
    """2,181 questions to a bank, the first 40 twice; ids in several scripts."""
    texts = pq.read_table(EXAMPLES / "banking77" / "banking77.parquet")["text"].to_pylist()[::6]
    heads = ["é", "z", "Z", "9", "10", "\U0001f600", "ﬀ", "aa", "a"]
    ids = [f"{heads[row % len(heads)]}-{row}" for row in range(len(texts) + 40)]
    return _corpus(encoding, ids, texts + texts[:40])


@pytest.fixture(scope="session")
def xquad(encoding: Encoding) -> Corpus:
    """The 240 English paragraphs of XQuAD."""
    table = pq.read_table(EXAMPLES / "xquad" / "paragraphs.parquet").to_pylist()
    rows = [row for row in table if row["lang"] == "en"]
    return _corpus(encoding, [row["id"] for row in rows], [row["text"] for row in rows])


@pytest.fixture(scope="session")
def questions(encoding: Encoding) -> NDArray[np.float32]:
    """Raw vectors of XQuAD's English questions."""
    table = pq.read_table(EXAMPLES / "xquad" / "questions.parquet").to_pylist()
    return encoding.vectors([row["text"] for row in table if row["lang"] == "en"], role="query")


@pytest.fixture(scope="session")
def debian(encoding: Encoding) -> Corpus:
    """Short descriptions of 3,172 Debian packages, 25 of them of the same words as another."""
    if not DEBIAN.is_file():
        pytest.skip(f"{DEBIAN} is not there")
    table = pq.read_table(DEBIAN, columns=["package", "short"]).to_pylist()[::20]
    return _corpus(encoding, [row["package"] for row in table], [row["short"] for row in table])


@pytest.fixture(scope="session")
def descriptions(encoding: Encoding) -> NDArray[np.float32]:
    """Raw vectors of what the long descriptions of 60 of those packages begin with: no document has these words."""
    table = pq.read_table(DEBIAN, columns=["text"])["text"].to_pylist()[:: 20 * 52]
    return encoding.vectors([text[:150] for text in table[:60]], role="query")


@pytest.fixture(scope="session")
def debian_snapshot(debian: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return debian.snapshot(tmp_path_factory.mktemp("debian") / "shards")


@pytest.fixture(scope="session")
def bank_snapshot(bank: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return bank.snapshot(tmp_path_factory.mktemp("bank") / "shards")


@pytest.fixture(scope="session")
def xquad_snapshot(xquad: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return xquad.snapshot(tmp_path_factory.mktemp("xquad") / "shards", shards=3)


@pytest.fixture(scope="session")
def fitted() -> Callable[..., Transform]:
    def make(snapshot: Snapshot, kind: str, **parameters: object) -> Transform:
        moments = Moments.empty(snapshot.dimension)
        for block in snapshot.vectors():
            moments.update(block)
        config = TransformConfig(kind=kind, **parameters)  # type: ignore[arg-type]
        return fit(config, moments, encoder=snapshot.manifest.encoder, snapshot=snapshot.id)

    return make


@pytest.fixture(scope="session")
def whitened(bank_snapshot: Snapshot, fitted: Callable[..., Transform]) -> Transform:
    return fitted(bank_snapshot, "whiten")


@pytest.fixture(scope="session")
def bank_matrix(bank_snapshot: Snapshot, whitened: Transform, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    return make_matrix(bank_snapshot, whitened, tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="session")
def exported(
    xquad_snapshot: Snapshot, fitted: Callable[..., Transform], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., tuple[Path, ExportJob]]:
    """Return what exports XQuAD, whitened to 128 dimensions, in a format; it gives the folder and the job."""
    transform = fitted(xquad_snapshot, "whiten", form="pca", dimension=128)
    matrix = make_matrix(xquad_snapshot, transform, tmp_path_factory.mktemp("matrix"))

    def make(name: str, /, **keys: object) -> tuple[Path, ExportJob]:
        folder = tmp_path_factory.mktemp(name)
        config = ExportConfig.model_validate({"name": "tested", "format": name, **keys})
        job = ExportJob(config, matrix, xquad_snapshot, transform, folder / "scratch", {"id": "0" * 16})
        make_export(LocalFiles(folder), KEY, job)
        return folder / KEY, job

    return make


@pytest.fixture
def matrix_of(tmp_path: Path) -> Callable[..., Matrix]:
    """Return what writes a matrix of given unit vectors, to meet blocks of real size without real texts."""

    def make(vectors: NDArray[np.float32], metadata: list[str] | None = None, held_out: int = 1) -> Matrix:
        folder = tmp_path / "given"
        folder.mkdir()
        n, d = vectors.shape
        np.save(folder / VECTORS, vectors)
        np.save(folder / HELD_OUT, np.arange(n) < held_out)
        ids = pa.array([f"d-{row:07}" for row in range(n)])
        columns = [pa.array(np.arange(n)), ids, ids, pa.array(metadata or ['{"a":1,"b":"x"}'] * n)]
        write_table(folder / IDS, IDS_SCHEMA, [pa.RecordBatch.from_arrays(columns, schema=IDS_SCHEMA)])
        write_table(folder / EXCLUDED, EXCLUDED_SCHEMA, [])
        matrix = Matrix(folder, MatrixFacts(n, d, 0, 0, 0.0, "5" * 16, "f" * 64))
        matrix.save()
        return matrix

    return make


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    with running() as database:
        yield database


@pytest.fixture
def database(server: Database, request: pytest.FixtureRequest) -> Database:
    return new_database(server, hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20])
