"""`sphering bundle`: the query side of a release, as a folder that needs nothing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.bundle.folder import Contents, write_folder
from sphering.config.encoder import EncoderConfig, SentenceTransformersConfig
from sphering.export.search import fetch
from sphering.run.fit import read_transform
from sphering.run.search import open_bundle
from sphering.store.corpus import CorpusStore
from sphering.store.release import Release

SAMPLE = 64
"""Texts of the corpus that the pipeline and the folder both encode, and vectors on which FAISS is measured."""


def make_bundle(corpus: CorpusStore, release: Release, folder: Path) -> dict[str, Any]:
    """Fill an empty folder with the query side of a release, and return the content of its bundle.json.

    The encoder is opened where sentence-transformers opens its model; else the transform alone is written, and no key,
    server or file of vectors is asked for.

    Raises
    ------
    IdentityError
        If the model on this machine is not the one that the release was made with.
    ParityError
        If the folder does not give what the pipeline gives.
    """
    config = EncoderConfig.model_validate(release.encoder_config)
    snapshot = corpus.snapshot(release.snapshot)
    sample = snapshot.sample(SAMPLE)
    transform = read_transform(corpus, release.transform)
    facts = {
        "corpus": corpus.name,
        "release": release.id,
        "snapshot": release.snapshot,
        "transform": release.transform,
        "encoder_document": snapshot.manifest.encoder_document,
        "document_prompt": config.document_prompt,
    }
    if not isinstance(config, SentenceTransformersConfig):
        return write_folder(Contents(release.bundle_document, facts, transform, sample.vectors), folder)
    bundle = open_bundle(corpus, release)
    texts = fetch(snapshot, sample.doc_ids)["text"].drop_nulls().to_list() if snapshot.manifest.keep_text else []
    contents = Contents(release.bundle_document, facts, transform, sample.vectors, bundle, config, texts)
    return write_folder(contents, folder)
