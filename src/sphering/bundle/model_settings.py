"""The settings of a model's folder that say what a query is: prompts, longest input, pooling, number format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphering.bundle.json_file import change, settings_in
from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.modelfiles import CONFIGS, module_graph

STATIC = "StaticEmbedding"
_PROMPTS = "config_sentence_transformers.json"
_LENGTHS = tuple(name for name in CONFIGS if name.startswith("sentence_"))
_DTYPES = ("dtype", "torch_dtype")
_ARGUMENTS = ("model_args", "model_kwargs")
_FORMAT = "float32"
# The names that versions 4 to 6 of sentence-transformers read.
_POOLINGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


def change_settings(folder: Path, config: SentenceTransformersConfig, max_length: int | None) -> dict[str, str]:
    """Write the encoder's settings into a copy of its model; return the files that changed, with what changed.

    Parameters
    ----------
    folder : Path
    config : SentenceTransformersConfig
        The encoder's table.
    max_length : int or None
        Longest input in tokens.
    """
    first, *rest = module_graph(folder)
    changed = _set_prompts(folder, config)
    if first.kind == STATIC:
        return changed | _widen_table(folder, first.path)
    changed |= _set_length(folder, first.path, max_length) | _set_format(folder, first.path)
    place = next((module.path for module in rest if module.kind == "Pooling"), None)
    if config.pooling is not None and place is not None:
        changed |= _set_pooling(folder, place, config.pooling)
    return changed


def pooling_settings(own: dict[str, Any], width: int, pooling: str) -> dict[str, Any]:
    """Return the settings of a pooling over token vectors of some width."""
    modes = {name: mode == pooling for mode, name in _POOLINGS.items()}
    return {"word_embedding_dimension": width, **modes, "include_prompt": own.get("include_prompt", True)}


def _set_prompts(folder: Path, config: SentenceTransformersConfig) -> dict[str, str]:
    """Make the query prompt the default; a truncation of the model's own would follow the transform."""
    own = {name: value for name, value in settings_in(folder / _PROMPTS).items() if name != "truncate_dim"}
    ours = {
        "prompts": {"query": config.query_prompt, "document": config.document_prompt},
        "default_prompt_name": "query",
        "similarity_fn_name": "cosine",
    }
    return change(folder, _PROMPTS, {**own, **ours}, "the prompts, the query's by default, and the cosine")


def _set_length(folder: Path, network: str, max_length: int | None) -> dict[str, str]:
    present = (name for name in _LENGTHS if (folder / network / name).is_file())
    name = str(Path(network, next(present, _LENGTHS[0])))
    own = settings_in(folder / name)
    for arguments in _ARGUMENTS:
        if arguments in own:
            own[arguments] = {key: value for key, value in own[arguments].items() if key not in _DTYPES}
    length = {} if max_length is None else {"max_seq_length": max_length}
    return change(folder, name, {**own, **length}, "the longest input")


def _set_format(folder: Path, network: str) -> dict[str, str]:
    """Have the network computed in float32, as the encoder computes it whatever its weights are kept in."""
    name = str(Path(network, "config.json"))
    own = settings_in(folder / name)
    said = next((own[key] for key in _DTYPES if own.get(key) is not None), None)
    if said == _FORMAT or (said is None and _kept_in_float32(folder / network)):
        return {}
    return change(folder, name, {**own, **dict.fromkeys(_DTYPES, _FORMAT)}, "float32, whatever the weights are in")


def _kept_in_float32(network: Path) -> bool:
    """Return whether all weights are; of files that only PyTorch reads that is not known."""
    from safetensors import safe_open

    files = list(network.glob("*.safetensors"))
    for file in files:
        with safe_open(file, "np") as weights:
            if any(weights.get_slice(name).get_dtype() in ("F16", "BF16", "F64") for name in weights.keys()):  # noqa: SIM118
                return False
    return bool(files)


def _widen_table(folder: Path, network: str) -> dict[str, str]:
    """Write a table of token vectors that is kept in fewer bits in float32."""
    from safetensors.torch import load_file, save_file

    name = str(Path(network, "model.safetensors"))
    if not (folder / name).is_file() or _kept_in_float32(folder / network):
        return {}
    tensors = load_file(folder / name)
    wide = {key: each.float() if each.is_floating_point() else each for key, each in tensors.items()}
    save_file(wide, folder / name)
    return {name: "float32, in which the encoder computes; the same numbers"}


def _set_pooling(folder: Path, place: str, pooling: str) -> dict[str, str]:
    name = f"{place}/config.json"
    own = settings_in(folder / name)
    width = int(own["word_embedding_dimension"] if "word_embedding_dimension" in own else own["embedding_dimension"])
    return change(folder, name, pooling_settings(own, width, pooling), "the pooling")
