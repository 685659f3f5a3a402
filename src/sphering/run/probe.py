"""Pin what an identity cannot name: every worker encodes the probe before it works."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from sphering.differing import differing_words
from sphering.encoder.compute_profile import profile
from sphering.encoder.look_up import LookUp, compare_look_up, measure_look_up, write_look_up_probe
from sphering.encoder.probe import PROBE_TEXTS, compare, measure, read_look_up_probe, read_probe, write_probe
from sphering.encoder.protocol import Encoder, Shaped
from sphering.errors import ProbeError
from sphering.run.workspace import Workspace
from sphering.store.corpus import CorpusStore

UNKNOWN = "unknown"
"""What is said of a look-up's bits where no text of its probe has a vector any more."""
_AGAIN = 8
"""The first texts of the probe, all short: some 60 tokens a unit."""
_checked: set[tuple[str, str, int | None]] = set()
_measured: WeakKeyDictionary[Encoder, tuple[int | None, NDArray[np.float32]]] = WeakKeyDictionary()
_lock = threading.Lock()


def check_probe(workspace: Workspace, encoder: Encoder) -> None:
    """Compare the encoder with its stored probe, once a process and run; store it at an encoder's first use.

    Where memory has made its batches smaller since, it is compared again.

    A loaded encoder encodes the probe once, which takes 2 s: the runs after it in one process compare what it gave. A
    hosted one encodes it in each run, because its server may have changed meanwhile.

    Raises
    ------
    ProbeError
        If it differs by more than `[encoder] max_drift`, or in any bit where vectors are looked up.
    """
    token = (workspace.run, encoder.identity.id, _batch_tokens(encoder))
    with _lock:
        if token in _checked:
            return
        _compare(workspace, encoder)
        _checked.add(token)


def check_again(workspace: Workspace, encoder: Encoder) -> None:
    """Compare the encoder with its stored probe once more after it has encoded, where it may have changed meanwhile.

    A hosted one, whose server may change in the middle of a run, is asked for a few of the texts; another is compared
    where memory has made its batches smaller. Between a unit's texts and the creation of its shard, this lets no vector
    of another model be found there.

    Raises
    ------
    ProbeError
        If it differs by more than `[encoder] max_drift`.
    """
    if not workspace.config.encoder.hosted:
        check_probe(workspace, encoder)
        return
    fresh = encoder.encode(PROBE_TEXTS[:_AGAIN]).vectors
    with _lock:
        _judge(workspace, encoder, fresh)


def mixed_bits(probe: Mapping[str, Any] | None) -> str | None:
    """Return in words how far this run's bits are from those of the encoder's first use; None where they are equal."""
    if probe is None or probe["bits"] == "equal":
        return None
    if probe["bits"] == UNKNOWN:
        return (
            "bits: unknown, none of the probe's texts has a vector any more: nothing tells whether the vectors are "
            "still those of their identity"
        )
    mixed = f"bits: mixed, up to {probe['max_cosine_distance']:.1e} in cosine distance from this encoder's first use"
    if probe["profile"] == probe["first_profile"]:  # so the difference comes from elsewhere: a server
        return mixed
    return f"{mixed}; the compute profiles differ in {differing_words(probe['first_profile'], probe['profile'])}"


def _measure(encoder: Encoder, *, hosted: bool) -> NDArray[np.float32]:
    shape, fresh = _measured.get(encoder, (None, None))
    if fresh is None or hosted or shape != _batch_tokens(encoder):
        fresh = measure(encoder)
        _measured[encoder] = _batch_tokens(encoder), fresh
    return fresh


def _batch_tokens(encoder: Encoder) -> int | None:
    return encoder.batch_tokens if isinstance(encoder, Shaped) else None


def _compare(workspace: Workspace, encoder: Encoder) -> None:
    if isinstance(encoder, LookUp):
        workspace.write("probe", {**_look_again(workspace, encoder), "profile": profile(encoder)})
        return
    files, key = workspace.corpus.files, workspace.corpus.layout.probe(encoder.identity.id)
    fresh = _measure(encoder, hosted=workspace.config.encoder.hosted)
    if not files.exists(key):
        _check_usable(fresh, encoder, hosted=workspace.config.encoder.hosted)
        files.create(key, write_probe(fresh, encoder.identity.id, profile(encoder)))
    _judge(workspace, encoder, fresh)


def _check_usable(fresh: NDArray[np.float32], encoder: Encoder, *, hosted: bool) -> None:
    """Refuse to keep what a server gives in a bad hour, or damaged weights: later runs would be held against it."""
    finite = np.isfinite(fresh).all(axis=1)
    broken = np.flatnonzero(~(finite & fresh.any(axis=1)))
    if not hosted and not finite.any():
        raise ProbeError(
            "the model gives no finite vector for any text of the probe: its weights are damaged",
            expected="64 finite vectors at an encoder's first use",
            where=encoder.identity.place,
            remedy="get the model's files anew and compare their hashes with those of its publisher; nothing was kept",
        )
    if hosted and len(broken):
        raise ProbeError(
            f"the server gives no usable vector for {len(broken)} of {len(fresh)} texts of the probe",
            expected="64 finite vectors other than zero at an encoder's first use",
            where=encoder.identity.place,
            remedy="run again when the server is well; nothing was kept",
        )


def check_query_side(corpus: CorpusStore, encoder: Encoder, max_drift: float) -> None:
    """Compare an encoder of queries with the stored probe, on its first texts.

    Cost: eight short texts. Vectors that are looked up are the corpus' own.

    Raises
    ------
    ProbeError
        If it differs by more than `max_drift` from what the corpus was encoded with.
    """
    key = corpus.layout.probe(encoder.identity.id)
    if isinstance(encoder, LookUp) or not corpus.files.exists(key):
        return
    stored = read_probe(corpus.files.read(key)).vectors[:_AGAIN]
    compare(stored, encoder.encode(PROBE_TEXTS[:_AGAIN]).vectors, max_drift)


def _judge(workspace: Workspace, encoder: Encoder, fresh: NDArray[np.float32]) -> None:
    """Compare vectors of the probe's first texts with those that are stored; keep the largest difference of the run."""
    stored = read_probe(workspace.corpus.files.read(workspace.corpus.layout.probe(encoder.identity.id)))
    result = compare(stored.vectors[: len(fresh)], fresh, workspace.config.encoder.max_drift)
    found = {
        "bits": "equal" if result.equal else "mixed",
        "max_cosine_distance": result.max_cosine_distance,
        "profile": profile(encoder),
        "first_profile": stored.profile,
    }
    keep_larger(workspace, found)


def keep_larger(workspace: Workspace, found: Mapping[str, Any]) -> None:
    """Keep in a run's workspace what one of its processes found of the probe, unless another found more."""
    if not workspace.has("probe") or _differs_more(found, workspace.read("probe")):
        workspace.write("probe", found)


def _differs_more(found: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    one, other = ((side["bits"] == "mixed", side["max_cosine_distance"]) for side in (found, before))
    return one > other


def _look_again(workspace: Workspace, encoder: LookUp) -> dict[str, Any]:
    """Compare what a look-up finds now with its probe; the files may change from run to run in one process."""
    corpus = workspace.corpus
    key = corpus.layout.probe(encoder.identity.id)
    if not corpus.files.exists(key):
        corpus.files.create(key, write_look_up_probe(measure_look_up(encoder, profile(encoder))))
    stored = read_look_up_probe(corpus.files.read(key))
    compared = compare_look_up(stored, encoder, encoder.identity.place)
    return {
        "bits": "equal" if compared else UNKNOWN,
        "max_cosine_distance": 0.0 if compared else None,
        "texts": compared,
        "first_profile": stored.profile,
    }
