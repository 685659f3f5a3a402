"""The audit of the pins tells "nothing was found" from "nobody could be asked"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
FLAW = {"id": "PYSEC-0-1", "fix_versions": ["2.0"]}
SOUND = {"name": "a", "version": "1", "vulns": []}
UNKNOWN = {"name": "b", "skip_reason": "not found"}


@pytest.fixture
def audit(tmp_path):
    """Run the audit with a pip-audit that answers as it is told; None is one that breaks."""

    def run(dependencies):
        answer = "raise SystemExit('no network')" if dependencies is None else f"print({json.dumps(dependencies)!r})"
        (tmp_path / "pip_audit.py").write_text(answer)
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run([sys.executable, AUDIT], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return run


def test_a_flaw_fails_and_is_named_with_the_version_that_mends_it(audit):
    code, said = audit({"dependencies": [SOUND, UNKNOWN, {**SOUND, "vulns": [FLAW]}]})
    assert code == 1
    assert "a 1: PYSEC-0-1, mended in 2.0" in said
    assert "2 pins asked about, 1 not known, 1 flaws" in said


def test_pins_without_a_flaw_pass(audit):
    assert audit({"dependencies": [SOUND]}) == (0, "audit: 1 pins asked about, 0 not known, 0 flaws\n")


@pytest.mark.parametrize("answer", [None, {"dependencies": [UNKNOWN]}, {"dependencies": []}, {}])
def test_where_nobody_can_be_asked_it_says_so_and_not_that_all_is_well(audit, answer):
    code, said = audit(answer)
    assert code == 0
    assert said.startswith("audit skipped: ")
