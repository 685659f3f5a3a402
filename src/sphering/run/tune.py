"""`sphering export --tune`: what index types and fewer bits would give for a release; the store stays as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.config.export import ExportConfig
from sphering.errors import InputError
from sphering.evaluation.keep import read
from sphering.export.matrix.assemble import make_matrix
from sphering.export.matrix.files import Matrix
from sphering.export.matrix.ordered import held_out_texts
from sphering.export.protocol import ExportJob
from sphering.export.recall.candidates import Candidate, candidates, configured
from sphering.export.recall.sweep import frontier, sweep
from sphering.progress import current
from sphering.run.fit import read_transform
from sphering.store.corpus import CorpusStore
from sphering.store.documents import read_document
from sphering.store.release import Release
from sphering.store.snapshot import Snapshot

_STEP = "tune"


def tune(
    corpus: CorpusStore,
    release: Release,
    *,
    indexes: Sequence[str] = (),
    exports: Sequence[ExportConfig] = (),
    memory: str = "1GB",
) -> dict[str, Any]:
    """Return recall, speed and size of exports that a release could have, as plain JSON values.

    Queries are those of the release's evaluation; without them the texts of smallest hash are, and the indexes are
    built without these. Cost: each index is built once and searched under each of its settings.

    Parameters
    ----------
    corpus : CorpusStore
    release : Release
        Its snapshot under its transform.
    indexes : sequence of str, optional
        FAISS' factory strings; by default a choice for the size of the corpus, the engines that are installed, and
        vectors in fewer bits and dimensions.
    exports : sequence of ExportConfig, optional
        Those of the configuration, which are tried as well.
    memory : str
        DuckDB's memory limit.

    Raises
    ------
    InputError
        If there are too few documents to leave some out as queries.
    """
    snapshot, transform = corpus.snapshot(release.snapshot), read_transform(corpus, release.transform)
    with tempfile.TemporaryDirectory(prefix="sphering-tune-") as scratch:
        current().start("export", snapshot.manifest.documents)
        matrix = make_matrix(snapshot, transform, Path(scratch) / "matrix", memory=memory)
        current().finish("export")
        tried = [*candidates(matrix.n, matrix.d, indexes=indexes), *([] if indexes else configured(exports))]
        queries, kept, method = _queries(corpus, release, snapshot, matrix)
        job = ExportJob(
            tried[0].config,
            matrix,
            snapshot,
            transform,
            Path(scratch) / "tried",
            queries=queries,
            memory=memory,
            kept=kept,
        )
        found = list(sweep(job, _announced(tried), method))
    best = frontier(found)
    return {
        "release": release.id,
        "snapshot": release.snapshot,
        "transform": transform.kind,
        "n": matrix.n,
        "d": matrix.d,
        "queries": len(queries),
        "method": method,
        "points": [{**point.to_json(), "optimal": at in best} for at, point in enumerate(found)],
    }


def _method(size: int) -> str:
    return f"the {size:,} texts of smallest hash, which no index holds" if size > 1 else "a text that no index holds"


def _announced(tried: Sequence[Candidate]) -> Any:
    progress = current()
    progress.start(_STEP, len(tried))
    for candidate in tried:
        yield candidate
        progress.advance(_STEP)
    progress.finish(_STEP)


def _queries(
    corpus: CorpusStore, release: Release, snapshot: Snapshot, matrix: Matrix
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None, str]:
    """Return raw query vectors, the rows that an index holds where not all, and what the queries are."""
    report = read_document(corpus.files, corpus.layout.report(release.report))
    name = (report["evaluation"] or {}).get("evaluation")
    given = read(corpus, name).query_vectors if name else None
    if given is not None and len(given):
        return given, None, "the evaluation's queries"
    kept = ~matrix.held_out()
    size = held_out_texts(snapshot.manifest.texts)
    if size == 0 or not kept.any():
        raise InputError(
            "there are too few documents: none can be left out to be a query",
            expected="two distinct texts or more, or queries in [evaluation]",
            where=f"snapshot {snapshot.id}",
        )
    return snapshot.sample(size).vectors, kept, _method(size)
