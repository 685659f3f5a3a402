"""`sphering search`: a text query, answered exactly through encoder, transform and normalisation."""

from __future__ import annotations

import json
from typing import Any

from sphering.bundle.query import Bundle
from sphering.config.encoder import EncoderConfig
from sphering.config.model import NormaliseConfig
from sphering.differing import differing_words
from sphering.encoder import identify, open_encoder
from sphering.encoder.protocol import NATIVE, Encoder
from sphering.errors import IdentityError
from sphering.export.search import fetch
from sphering.export.search import search as exact_search
from sphering.run.fit import read_transform
from sphering.run.probe import check_query_side
from sphering.store.corpus import CorpusStore
from sphering.store.release import Release


def search(corpus: CorpusStore, selector: str, query: str, k: int) -> dict[str, Any]:
    """Return the `k` documents of a release with the highest cosine to a query.

    Cost: one pass over the snapshot's vectors, whatever `k`.

    Raises
    ------
    IdentityError
        If the model on this machine is not the one that the release was made with.
    """
    release = corpus.find_release(selector)
    bundle = open_bundle(corpus, release)
    snapshot = corpus.snapshot(release.snapshot)
    found = exact_search(snapshot, bundle.transform, bundle.encode([query]), k)
    doc_ids, scores = found.doc_ids[0].tolist(), found.scores[0].tolist()
    rows = fetch(snapshot, doc_ids).to_dicts()
    hits = [
        {"doc_id": doc_id, "score": score, "text": row["text"], "metadata": json.loads(row["metadata"])}
        for doc_id, score, row in zip(doc_ids, scores, rows, strict=True)
    ]
    return {"release": release.id, "snapshot": release.snapshot, "selector": selector, "query": query, "hits": hits}


def open_bundle(corpus: CorpusStore, release: Release) -> Bundle:
    """Return the query side of a release, its encoder opened as the release says."""
    normalise = NormaliseConfig.model_validate(release.bundle_document["normalise"])
    return Bundle(open_release_encoder(corpus, release), normalise, read_transform(corpus, release.transform))


def open_release_encoder(corpus: CorpusStore, release: Release) -> Encoder:
    """Return the encoder of a release, opened as the release says.

    Raises
    ------
    IdentityError
        If the model on this machine is not the one that the release was made with.
    ProbeError
        If it does not give what it gave then.
    """
    config = _as_of_now(corpus, release, EncoderConfig.model_validate(release.encoder_config))
    before = corpus.manifest(release.snapshot).encoder_document
    identity = identify(config, str(before.get("backend", NATIVE)))
    if identity.id != release.encoder:
        raise IdentityError(
            f"the model here is encoder {identity.id}, the release {release.id} was made with {release.encoder}; they "
            f"differ in {differing_words(before, identity.document)}",
            expected="the same model files, prompts and limits as for the corpus",
            where=identity.place,
            remedy="install the model that the release was made with, or run with this one and search its release",
        )
    encoder = open_encoder(identity, config)
    check_query_side(corpus, encoder, config.max_drift)
    return encoder


def _as_of_now(corpus: CorpusStore, release: Release, config: EncoderConfig) -> EncoderConfig:
    """Return the table of a release's hosted encoder as the newest run has it: its server may have moved since.

    Another address makes no other encoder, so a release stays as it is. Its query prompt holds in any case.
    """
    if not config.hosted:
        return config
    newest = next((record for record in corpus.newest_runs() if record.get("encoder") == release.encoder), None)
    if newest is None:
        return config
    now = EncoderConfig.model_validate(newest["config"]["encoder"])
    return now.model_copy(update={"query_prompt": config.query_prompt})
