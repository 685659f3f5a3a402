"""A fast form of an encoder beside its reference, on a sample of the corpus, at its first use."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sphering.encoder.parity import Parity, check, compare
from sphering.encoder.protocol import Approximation, Encoder
from sphering.run.units import unit_path
from sphering.run.workspace import Workspace
from sphering.store.clock import now
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document, read_document

SEED = 0
MOST = 128
_checked: set[tuple[str, str]] = set()
_lock = threading.Lock()


def check_parity(workspace: Workspace, encoder: Encoder) -> None:
    """Compare an encoder with its reference, once a corpus; what was found is kept, and stands in the run's record.

    The texts are drawn from the first unit of work, which is a uniform sample of what is new. Cost: both encode up to
    128 texts, at the first use alone.

    Raises
    ------
    ParityError
        If a cosine is less than `[encoder] min_cosine`; nothing is kept then.
    """
    if not isinstance(encoder, Approximation):
        return
    token = (workspace.run, encoder.identity.id)
    with _lock:
        if token not in _checked:
            _check(workspace, encoder)
            _checked.add(token)


def check_kept_parity(corpus: CorpusStore, encoder: str, least: float) -> None:
    """Hold what an earlier run found of an encoder against the bound of today, though nothing may be encoded.

    Raises
    ------
    ParityError
        If the cosine that was found is less.
    """
    key = corpus.layout.parity(encoder)
    if corpus.files.exists(key):
        kept = read_document(corpus.files, key)
        check(_numbers(kept), least, reference=kept["reference"])


def _numbers(kept: Mapping[str, Any]) -> Parity:
    return Parity(**{name: kept[name] for name in Parity.__dataclass_fields__})


def _check(workspace: Workspace, encoder: Approximation) -> None:
    least = workspace.config.encoder.least_cosine
    files, key = workspace.corpus.files, workspace.corpus.layout.parity(encoder.identity.id)
    if not files.exists(key):
        texts = _sample(workspace)
        reference = encoder.reference()
        found = compare(encoder.encode(texts).vectors, reference.encode(texts).vectors)
        check(found, least, reference=encoder.reference_name)
        content: dict[str, Any] = {"encoder": encoder.identity.id, "reference": encoder.reference_name, "seed": SEED}
        create_document(files, key, {**content, **found.to_json(), "run": workspace.run, "at": now()})
    kept = read_document(files, key)
    numbers = _numbers(kept)
    check(numbers, least, reference=encoder.reference_name)
    workspace.write("parity", {**numbers.to_json(), "reference": kept["reference"], "seed": kept["seed"]})


def _sample(workspace: Workspace) -> list[str]:
    """Return up to 128 distinct texts that are to be encoded, drawn with `SEED`."""
    documents = pq.read_table(unit_path(workspace, 0), columns=["text", "source"])
    fresh = documents.filter(pc.is_null(documents["source"]))["text"] if documents.num_rows else documents["text"]
    texts = pc.unique(fresh if len(fresh) else documents["text"]).drop_null()
    drawn = np.random.default_rng(SEED).permutation(len(texts))[:MOST]
    return list(texts.take(pa.array(np.sort(drawn))).to_pylist())
