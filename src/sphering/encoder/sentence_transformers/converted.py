"""Converted models, kept in the user's cache under what they were made from.

To convert takes seconds and PyTorch; to open what is kept takes neither.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.parity import check, compare
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.encoder.protocol import EncoderIdentity
from sphering.encoder.sentence_transformers.batching import ON_A_CORE
from sphering.encoder.sentence_transformers.lanes import Lanes
from sphering.encoder.sentence_transformers.loading import load_model
from sphering.encoder.sentence_transformers.openvino import OpenVINONetwork
from sphering.encoder.sentence_transformers.pipeline import Pipeline
from sphering.encoder.sentence_transformers.traits import Traits
from sphering.identity import digest, sha256_file, short_id
from sphering.store.temporaries import new_temporary, remove_dead

DESCRIPTION = "converted.json"
VERSION = 2
"""The version of what is kept."""
CHECKED = list(PROBE_TEXTS[::8])


@dataclass(frozen=True)
class Converted:
    """A converted model: its traits, and where its two parts lie."""

    traits: Traits
    network: Path
    tail: Path


@contextmanager
def converted(identity: EncoderIdentity, config: SentenceTransformersConfig) -> Iterator[Converted]:
    """Give the converted model of an identity, converted where it is not kept, or not whole.

    Its files may go when the block ends, where the cache cannot be written.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or does not convert.
    """
    kept = _cache() / _name(identity, config)
    found = _read(kept)
    if found is not None:
        yield found
        return
    with _scratch() as folder:
        made = _convert(identity, config, folder)
        _keep(folder, kept)
        yield _read(kept) or made


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a folder beside what is kept, after those that killed processes left; elsewhere where none can be there."""
    try:
        remove_dead(_cache())
        folder = new_temporary(_cache())
        folder.mkdir()
    except OSError:
        with tempfile.TemporaryDirectory(prefix="sphering-openvino-") as elsewhere:
            yield Path(elsewhere)
        return
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name(identity: EncoderIdentity, config: SentenceTransformersConfig) -> str:
    """Return the name of a conversion: prompts, for instance, belong to the encoder and not to it."""
    of_model = {name: identity.document[name] for name in ("files", "pooling", "max_length", "remote_code")}
    of_weights = "int8" if config.precision == "int8" else "float32"
    return short_id({**of_model, "weights": of_weights, "openvino": version("openvino"), "v": VERSION})


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sphering" / "openvino"


def _convert(identity: EncoderIdentity, config: SentenceTransformersConfig, folder: Path) -> Converted:
    from sphering.encoder.sentence_transformers.conversion import convert

    place = Path(identity.place)
    model = load_model(place, remote_code=config.trust_remote_code, pooling=config.pooling)
    traits = Traits.of(model, config, place)
    network, tail = convert(model, folder, type_ids=traits.type_ids, int8=config.precision == "int8")
    made = Converted(traits, network, tail)
    _check(model, made, config)
    files = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    content = {"traits": traits.to_json(), "files": files}
    (folder / DESCRIPTION).write_text(json.dumps({**content, "sha256": digest(content)}), encoding="utf-8")
    return made


def _check(model: Any, made: Converted, config: SentenceTransformersConfig) -> None:
    """Refuse a conversion that gives other vectors than PyTorch on a few texts, before it is kept."""
    from sphering.encoder.sentence_transformers.torch_network import TorchNetwork

    networks = (
        OpenVINONetwork(made.network, made.tail, config.precision),
        TorchNetwork(list(model), type_ids=made.traits.type_ids),
    )
    lanes = Lanes.of_torch(1)
    fast, slow = (Pipeline(made.traits, network, lanes, ON_A_CORE).encode(CHECKED).vectors for network in networks)
    check(compare(fast, slow), config.least_cosine, reference="PyTorch")


def _keep(made: Path, kept: Path) -> None:
    """Put a converted model into the cache, in one rename; where that cannot be written, it is converted again.

    What another process has put there meanwhile stays: it may be opening it.
    """
    with suppress(OSError):
        if kept.exists() and _read(kept) is None:
            shutil.rmtree(kept)
        made.rename(kept)


def _read(folder: Path) -> Converted | None:
    """Return a converted model; None where it is missing or a byte of it has changed."""
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        sealed = content.pop("sha256")
        whole = sealed == digest(content) and all(
            sha256_file(folder / name) == expected for name, expected in content["files"].items()
        )
        if not whole:
            return None
        return Converted(Traits(**content["traits"]), folder / "network.xml", folder / "tail.xml")
    except (OSError, ValueError, KeyError, TypeError):
        return None
