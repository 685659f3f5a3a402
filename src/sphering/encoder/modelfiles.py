"""Which files of a model's folder the loader opens.

Only these make the encoder's identity: model cards, other weight formats and training leftovers may change freely.
The list follows what sentence-transformers and transformers open (traced with strace); a test loads a folder that
holds nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sphering.errors import ModelError

MODULE_GRAPH = "modules.json"
CONFIGS = (
    "config.json",
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "adapter_config.json",
)
TOKENISER_CONFIGS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
TOKENISER = "tokenizer.json"
SLOW_TOKENISERS = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spm.model",
    "tokenizer.model",
    "unigram.json",
    "bpe.codes",
)
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
UNBOUNDED = 10**9
"""Tokenizers without a limit say 10^30."""
OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet"})
"""Networks whose positions start behind the padding id: that many fewer tokens fit."""
ADAPTER_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True)
class Module:
    """One entry of a module graph: the last part of its class's name, and its folder ('' is the root)."""

    kind: str
    path: str


def module_graph(folder: Path) -> tuple[Module, ...]:
    """Return the modules of a sentence-transformers folder, in order.

    A plain transformers folder has no module graph; the loader then puts mean pooling behind the network.

    Raises
    ------
    ModelError
        If the folder holds no model, or its modules.json cannot be read.
    """
    graph = folder / MODULE_GRAPH
    if not graph.is_file():
        if not (folder / "config.json").is_file():
            raise _broken(folder, "neither modules.json nor config.json is there")
        return (Module("Transformer", ""), Module("Pooling", ""))
    try:
        entries = read_json(graph)
        modules = tuple(Module(str(entry["type"]).rsplit(".", 1)[-1], str(entry["path"])) for entry in entries)
    except (KeyError, TypeError) as error:
        raise _broken(folder, f"modules.json lacks {error}") from error
    if not modules:
        raise _broken(folder, "modules.json names no module")
    for module in modules:
        _check_inside(folder, module.path, MODULE_GRAPH)
    return modules


def model_files(folder: Path, *, remote_code: bool) -> tuple[str, ...]:
    """Return the files that the loader opens, as sorted POSIX paths relative to `folder`.

    Raises
    ------
    ModelError
        If a file that the loader needs is absent, or allowed remote code lies outside the folder.
    """
    graph = module_graph(folder)
    found = {name for name in (MODULE_GRAPH, "config_sentence_transformers.json") if (folder / name).is_file()}
    for position, module in enumerate(graph):
        names = _network_files(folder / module.path) if position == 0 else _module_files(folder, module)
        found.update(f"{module.path}/{name}" if module.path else name for name in names)
    if remote_code:
        found.update(_remote_code(folder))
    return tuple(sorted(found))


def what_is_missing(folder: Path) -> str | None:
    """Return in words what the loader needs and the folder lacks; None where the folder is whole."""
    try:
        model_files(folder, remote_code=False)
    except ModelError as error:
        return error.found
    return None


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in one of a model's files.

    Raises
    ------
    ModelError
        If it is no JSON, or no object.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise _broken(path.parent, f"{path.name} holds no settings but {type(found).__name__}")
    return found


def read_json(path: Path) -> Any:
    """Return the JSON of one of a model's files.

    Raises
    ------
    ModelError
        If it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _broken(path.parent, f"{path.name} cannot be read: {error}") from error


def _network_files(folder: Path) -> set[str]:
    names = _present(folder, CONFIGS + TOKENISER_CONFIGS)
    tokenisers = {TOKENISER} if (folder / TOKENISER).is_file() else _present(folder, SLOW_TOKENISERS)
    if not tokenisers:
        # The library would make one up, of a vocabulary without words.
        raise _broken(folder, f"no tokenizer is there ({TOKENISER}, or {SLOW_TOKENISERS[0]}, {SLOW_TOKENISERS[3]}, …)")
    return names | tokenisers | _weights(folder)


def _present(folder: Path, names: Iterable[str]) -> set[str]:
    return {name for name in names if (folder / name).is_file()}


def _module_files(folder: Path, module: Module) -> set[str]:
    """Return the configs and weights of a later module; pooling and normalisation have no weights."""
    place = folder / module.path
    if not module.path or not place.is_dir():
        return set()
    names = {path.name for path in place.glob("*.json") if not path.name.endswith(".index.json")}
    names.update(path.name for path in place.glob("*.txt"))
    has_weights = any((place / name).is_file() for name in WEIGHTS)
    return names | (_weights(place) if has_weights else set())


def _weights(folder: Path) -> set[str]:
    adapter = next((name for name in ADAPTER_WEIGHTS if (folder / name).is_file()), None)
    name = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if name is None and adapter is None:
        raise _broken(folder, f"no weights are there ({WEIGHTS[0]} or {WEIGHTS[2]})")
    found = {one for one in (name, adapter) if one}
    if name is not None and name.endswith(".index.json"):
        parts = read_settings(folder / name).get("weight_map")
        if not isinstance(parts, dict):
            raise _broken(folder, f"{name} has no weight_map")
        found.update(map(str, parts.values()))
        for part in found:
            _check_inside(folder, part, name)
    absent = sorted(one for one in found if not (folder / one).is_file())
    if absent:
        raise _broken(folder, f"the weights {', '.join(absent)} are absent")
    return found


def _check_inside(folder: Path, name: str, named_by: str) -> None:
    """Refuse a name of a model's own file that leads out of its folder: bundles copy what a model names."""
    if name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise _broken(folder, f"{named_by} names {name!r}, which leads out of the folder")


def _remote_code(folder: Path) -> set[str]:
    config = read_settings(folder / "config.json") if (folder / "config.json").is_file() else {}
    outside = sorted(str(value) for value in config.get("auto_map", {}).values() if "--" in str(value))
    if outside:
        raise ModelError(
            f"the model's code lies in another repository: {', '.join(outside)}",
            expected="all code in the model's own folder, so that the identity covers it",
            where=str(folder / "config.json"),
            remedy="copy the .py files into the folder and take the part before '--' out of auto_map",
        )
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def _broken(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"the model folder is not whole: {what}",
        expected="the files of a sentence-transformers or transformers model",
        where=str(folder),
        remedy="copy or download the model again, whole",
    )
