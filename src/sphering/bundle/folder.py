"""The folder of a bundle: the query side with nothing of ours, sealed in bundle.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sphering.bundle.arrays import write_arrays
from sphering.bundle.faiss_transform import write_faiss
from sphering.bundle.query import Bundle
from sphering.bundle.readme import write_readme
from sphering.config.encoder import SentenceTransformersConfig
from sphering.errors import IntegrityError
from sphering.identity import check_seal, holds_files, sha256_file
from sphering.store.documents import to_bytes
from sphering.transform import Transform

BUNDLE = "bundle.json"
LAYOUT = 1
"""The version of the folder's layout."""
_LIBRARIES = ("sphering", "numpy", "faiss-cpu")
_MODEL_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch", "safetensors")


@dataclass(frozen=True)
class Contents:
    """What a folder is made of.

    Attributes
    ----------
    document : dict
        What a release says of its bundle: id, encoder, query_prompt, normalise, transform_sha256.
    facts : dict
        Where it comes from: corpus, release, snapshot, transform, the encoder's document and its prompts.
    transform : Transform
    sample : (n, d) float32
        Raw vectors of the corpus, on which the FAISS files are measured.
    bundle : Bundle, optional
        The opened query side, where sentence-transformers opens its model.
    config : SentenceTransformersConfig, optional
        How that was opened.
    texts : sequence of str
        Texts of the corpus on which the model's folder is measured.
    """

    document: dict[str, Any]
    facts: dict[str, Any]
    transform: Transform
    sample: NDArray[np.float32]
    bundle: Bundle | None = None
    config: SentenceTransformersConfig | None = None
    texts: Sequence[str] = ()


def write_folder(contents: Contents, folder: Path) -> dict[str, Any]:
    """Fill an empty folder with the query side, measure it, and return the content of its bundle.json.

    Raises
    ------
    ParityError
        If the folder does not give what the pipeline gives.
    IntegrityError
        If FAISS does not hold the transform, or a file of the model changed.
    InputError
        If plain sentence-transformers cannot do what was done to the corpus.
    """
    transform = contents.transform
    model = _write_model(contents, folder)
    write_arrays(transform, folder)
    errors = write_faiss(transform, contents.sample, folder)
    document = {
        **contents.facts,
        **contents.document,
        "layout": LAYOUT,
        "kind": transform.kind,
        "dimension_in": transform.dimension_in,
        "dimension_out": transform.dimension_out,
        "metric": "ip",
        "model": model,
        "faiss": errors,
        "libraries": _versions(_LIBRARIES + (_MODEL_LIBRARIES if model else ())),
    }
    write_readme(document, folder)
    document["files"] = _hashes(folder)
    (folder / BUNDLE).write_bytes(to_bytes(document))
    return document


def read_bundle(folder: Path) -> dict[str, Any] | None:
    """Return the bundle.json of a folder; None where it has none.

    Raises
    ------
    IntegrityError
        If it was edited.
    """
    path = folder / BUNDLE
    if not path.is_file():
        return None
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        check_seal(document, str(path))
    except (ValueError, AttributeError) as error:
        raise IntegrityError("this JSON is no bundle", where=str(path), remedy="make the bundle again") from error
    return document


def holds(folder: Path, bundle: str) -> bool:
    """Return whether a folder has the bundle of that id, in this layout, with all its files."""
    try:
        document = read_bundle(folder)
    except IntegrityError:
        return False
    if document is None or (document["id"], document["layout"]) != (bundle, LAYOUT):
        return False
    return holds_files(folder, document["files"])


def _write_model(contents: Contents, folder: Path) -> dict[str, Any] | None:
    if contents.bundle is None or contents.config is None:
        return None
    from sphering.bundle.parity import measure_parity
    from sphering.bundle.plain_model import write_model

    changed = write_model(contents.bundle, contents.config, folder)
    remote_code = contents.config.trust_remote_code
    return {
        "max_length": contents.bundle.encoder.max_length,
        "trust_remote_code": remote_code,
        "changed": changed,
        "parity": measure_parity(folder, contents.bundle, contents.texts, remote_code=remote_code),
    }


def _hashes(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in files
    }


def _versions(names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # sphering may run from its source
            continue
    return found
