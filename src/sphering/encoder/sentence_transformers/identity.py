"""A model's identity: everything that decides a vector and can be named.

What cannot be named (kernels, instruction sets, hosted models) is pinned by the probe.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.digests import file_digests
from sphering.encoder.modelfiles import MODULE_GRAPH, model_files, module_graph, read_json
from sphering.encoder.protocol import EncoderIdentity
from sphering.encoder.resolve import locate
from sphering.encoder.sentence_transformers.batching import ON_A_CORE, ON_AN_ACCELERATOR

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
    names = model_files(located.folder, remote_code=config.trust_remote_code)
    document = {
        "kind": config.kind,
        "files": file_digests({name: located.folder / name for name in names}),
        "pooling": _pooling(located.folder),
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


def _pooling(folder: Path) -> list[dict[str, Any]]:
    """Return the pooling modules' settings; the default of a folder without a module graph is the mean."""
    if not (folder / MODULE_GRAPH).is_file():
        return [{"pooling_mode_mean_tokens": True}]
    places = [folder / module.path / "config.json" for module in module_graph(folder) if module.kind == "Pooling"]
    return [read_json(place) for place in places]
