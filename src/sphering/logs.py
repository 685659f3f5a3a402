"""Logs for machines: one JSON object a line on standard error, where it is asked for."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

VARIABLE: Final = "SPHERING_LOG"
"""Set to `json`, the environment variable asks for them; `sphering run --log-json` sets it."""
_JSON: Final = "json"
_SECRET_NAME: Final = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|AUTH_STRING|WEBHOOK_URL|CONNECTION_URL)$")
_SHORTEST_SECRET: Final = 8
"""Letters: a shorter value, such as `true`, would be cut out of innocent words."""
_OF_PREFECT: Final = {"flow_run": "flow_run_id", "task": "task_run_name"}
_facts: dict[str, str] = {}


def wanted() -> bool:
    """Return whether logs are to be JSON lines."""
    return os.environ.get(VARIABLE, "").strip().lower() == _JSON


def want() -> None:
    """Ask for JSON lines, in this process and in those that it starts."""
    os.environ[VARIABLE] = _JSON


def install() -> None:
    """Let every record of this process that would be shown be a JSON line instead, where that is asked for.

    It may come before Prefect is imported, which leaves a root logger with a formatter alone, or after it.
    """
    root = logging.getLogger()
    if not wanted() or any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        return
    for handler in [handler for handler in root.handlers if isinstance(handler, logging.StreamHandler)]:
        root.removeHandler(handler)
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines())
    root.addHandler(lines)
    logging.captureWarnings(capture=True)
    logging.getLogger("sphering").setLevel(logging.INFO)


def about(**facts: str | None) -> None:
    """Say what the work of this process is about: corpus, run, flow run; each line has what is not None."""
    for name, value in facts.items():
        if value is None:
            _facts.pop(name, None)
        else:
            _facts[name] = value


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, what it is about, and its error.

    The values of environment variables that are named like secrets do not stand in it.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_facts,
        }
        line |= {name: str(getattr(record, of)) for name, of in _OF_PREFECT.items() if getattr(record, of, None)}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _error(record.exc_info[1])
        return json.dumps(_without_secrets(line, _secrets()), ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's message whose arguments do not fit; the line is not lost for it
        return str(record.msg)


def _error(error: BaseException) -> dict[str, str]:
    return {
        "type": type(error).__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _secrets() -> list[str]:
    named = (value for name, value in os.environ.items() if _SECRET_NAME.search(name))
    return sorted((value for value in named if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)


def _without_secrets(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(inner, secrets) for name, inner in value.items()}
    for secret in secrets:
        value = value.replace(secret, "(secret)")
    return value
