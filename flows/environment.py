"""What Prefect and the model libraries read from the environment, settled before they are imported.

Prefect reads its settings once, while it is imported; so this module imports neither Prefect nor anything that does.
Whatever the user has set stays.
"""

import os
from typing import Final

from sphering import logs
from sphering.config.encoder import EncoderConfig

QUIET: Final = "CRITICAL"
_CONSOLE: Final = (QUIET, "INFO", "DEBUG")

HEARTBEAT_SECONDS: Final = 30
DEFAULTS: Final = {
    # DO_NOT_TRACK stops the client's events only; the server's own telemetry has a switch of its own.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Prefect's 20 s are too short for a first start on a busy machine: 23 s were measured on two cores.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # The core logs through the standard library: its records belong to the run that they came from.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sphering",
    # The core may log where no run is, for instance in a test.
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # The least that Prefect takes: a server finds a dead run by its silence, and must not take a quiet one for dead.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # Two thread pools of two libraries slow each other down, and the tokenizer warns after every fork.
    "TOKENIZERS_PARALLELISM": "false",
}
_OFFLINE: Final = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def prepare(verbosity: int = 0, encoder: EncoderConfig | None = None) -> None:
    """Set what the environment does not set yet; call it before Prefect or a model library is imported.

    Parameters
    ----------
    verbosity : int, default 0
        0 leaves the terminal to the caller, though all records still reach the server; 1 shows what Prefect says
        of each run; 2 shows everything.
    encoder : EncoderConfig, optional
        What will be opened: only one that comes from the hub lets the model libraries ask it.
    """
    level = _CONSOLE[max(0, min(verbosity, len(_CONSOLE) - 1))]
    console = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": level, "PREFECT_LOGGING_COLORS": "false"}
    if level == "DEBUG":
        console["PREFECT_LOGGING_LEVEL"] = level
    for name, value in {**DEFAULTS, **offline(encoder), **console}.items():
        os.environ.setdefault(name, value)
    logs.install()


def offline(encoder: EncoderConfig | None) -> dict[str, str]:
    """Return what keeps the model libraries from asking the hub: nothing where the encoder comes from there."""
    return {} if encoder is not None and encoder.asks_the_hub else dict(_OFFLINE)
