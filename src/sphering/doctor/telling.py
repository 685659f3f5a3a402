"""Whether a run could say what came of it: the notice's address, and the file of its metrics."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sphering.doctor.finding import Finding
from sphering.errors import SpheringError

if TYPE_CHECKING:
    from sphering.config.model import Config


def check(config: Config) -> Iterator[Finding]:
    """Look at the variable of [notify] and at the file of [metrics]; where neither is configured there is nothing."""
    if config.notify is not None:
        yield _address(config.notify.url_env)
    if config.metrics is not None:
        yield _file(config, config.metrics.file)


def _address(variable: str) -> Finding:
    from sphering.notice.webhook import complaint

    address = os.environ.get(variable, "").strip()
    wrong = complaint(address)
    if wrong:
        mend = f"export {variable}=https://…, for every process that runs this configuration, the worker's among them"
        return Finding("notify", "warns", f"{variable}: {wrong}; nobody would be told", mend)
    return Finding("notify", "ok", f"{variable} holds an address")  # nothing of it is shown: it is a secret


def _file(config: Config, file: str) -> Finding:
    from sphering.metrics.textfile import place, read

    path = place(file, config.corpus, config.run.channel)
    try:
        read(path, config.corpus, config.run.channel)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".sphering-doctor-", suffix=".tmp"):
            pass
    except SpheringError as error:
        return Finding("metrics", "warns", error.found, error.remedy or "")
    except OSError as error:
        mend = f"let this user write into {path.parent}, which has to be there; or set [metrics] file to another place"
        return Finding("metrics", "warns", f"{path}: {error.strerror or error}", mend)
    return Finding("metrics", "ok", f"{path} {'is' if path.exists() else 'would be'} writable")
