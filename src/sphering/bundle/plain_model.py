"""The model as a folder that sentence-transformers opens by itself, with the transform as modules behind it.

The model's own modules stay as they are, its normalisation included: the transform was fitted on what they give. Its
files are copied byte by byte and checked against the encoder's identity; the settings that say what a query is are
written anew, and named.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from sphering.bundle.faiss_transform import linear_map
from sphering.bundle.json_file import settings_in, write_json
from sphering.bundle.model_settings import change_settings, pooling_settings
from sphering.bundle.plain_tokeniser import change_tokeniser
from sphering.bundle.query import Bundle
from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.modelfiles import MODULE_GRAPH, read_json
from sphering.errors import IntegrityError
from sphering.identity import sha256_file
from sphering.transform import Transform

DENSE = "sphering_Dense"
NORMALIZE = "sphering_Normalize"


def write_model(bundle: Bundle, config: SentenceTransformersConfig, folder: Path) -> dict[str, str]:
    """Fill a folder with the model of a bundle; return the model's files that changed, each with what changed.

    Parameters
    ----------
    bundle : Bundle
        Its encoder is of the kind sentence-transformers.
    config : SentenceTransformersConfig
        How it was opened.
    folder : Path

    Raises
    ------
    IntegrityError
        If a file of the model is not the one that the encoder was opened from.
    InputError
        If plain sentence-transformers cannot do what was done to the corpus.
    """
    encoder: Any = bundle.encoder
    width = _width(encoder, config)
    _copy(Path(encoder.identity.place), encoder.identity.document["files"], folder)
    _spell_out_graph(folder, width)
    changed = change_settings(folder, config, encoder.max_length)
    changed |= change_tokeniser(folder, bundle, config)
    _append_modules(folder, bundle.transform, width)
    return {**changed, MODULE_GRAPH: "the transform and its normalisation stand behind the model's own modules"}


def _copy(source: Path, files: dict[str, str], folder: Path) -> None:
    for name, sha256 in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
        if sha256_file(target) != sha256:
            raise IntegrityError(
                "a file of the model changed since the model was opened",
                expected=f"SHA-256 {sha256[:16]}…",
                where=str(source / name),
                remedy="restore the model that the release was made with",
            )


def _width(encoder: Any, config: SentenceTransformersConfig) -> int:
    """Return the length of a vector as the model's last module gives it."""
    from sphering.encoder.sentence_transformers.loading import load_model

    folder = Path(encoder.identity.place)
    if settings_in(folder / "config_sentence_transformers.json").get("truncate_dim") is None:
        return int(encoder.pipeline.width)
    model = load_model(folder, remote_code=config.trust_remote_code, pooling=config.pooling)
    model.truncate_dim = None
    return int(model.get_embedding_dimension())


def _spell_out_graph(folder: Path, width: int) -> None:
    """Write down what the library does with a folder without a module graph: it takes the mean of the tokens."""
    if (folder / MODULE_GRAPH).is_file():
        return
    entries = [_entry(0, "Transformer", ""), _entry(1, "Pooling", "1_Pooling")]
    write_json(folder / MODULE_GRAPH, entries)
    write_json(folder / "1_Pooling" / "config.json", pooling_settings({}, width, "mean"))


def _append_modules(folder: Path, transform: Transform, width: int) -> None:
    graph = read_json(folder / MODULE_GRAPH)
    if transform.matrix is not None or transform.mean.any() or transform.dimension_in < width:
        graph.append(_entry(len(graph), "Dense", DENSE))
        _write_dense(folder / DENSE, transform, width)
    graph.append(_entry(len(graph), "Normalize", NORMALIZE))
    write_json(folder / NORMALIZE / "config.json", {})
    write_json(folder / MODULE_GRAPH, graph)


def _entry(number: int, kind: str, place: str) -> dict[str, Any]:
    """Return an entry of a module graph, under a name that versions 4 to 6 of the library know."""
    return {"idx": number, "name": str(number), "path": place, "type": f"sentence_transformers.models.{kind}"}


def _write_dense(folder: Path, transform: Transform, width: int) -> None:
    """Write z = A x + b as a dense layer over all coordinates of the model; those cut off by truncate_dim weigh 0."""
    from safetensors.numpy import save_file

    weights, bias = linear_map(transform)
    beyond = np.zeros((len(weights), width - transform.dimension_in), dtype=np.float32)
    folder.mkdir()
    save_file(
        {"linear.weight": np.hstack([weights, beyond]), "linear.bias": bias},
        folder / "model.safetensors",
    )
    write_json(
        folder / "config.json",
        {
            "in_features": width,
            "out_features": transform.dimension_out,
            "bias": True,
            # The library's own default is the hyperbolic tangent.
            "activation_function": "torch.nn.modules.linear.Identity",
        },
    )
