"""Look the pinned dependencies up among known vulnerabilities, where that can be done: `make audit`.

Exit code 1 says that one is vulnerable. Without pip-audit, or where no advisory can be had, it says why it looked at
nothing and exits with 0: pip-audit itself says "no known vulnerabilities" also where it could ask about none.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PINS = Path(__file__).parents[1] / "constraints.txt"
COMMAND = ["--disable-pip", "--no-deps", "--progress-spinner", "off", "--format", "json", "-r", str(PINS)]


def main() -> int:
    """Run pip-audit over constraints.txt and say what it found."""
    if find_spec("pip_audit") is None:
        return skipped("pip-audit is not installed here: pip install pip-audit")
    done = subprocess.run([sys.executable, "-m", "pip_audit", *COMMAND], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return skipped(f"pip-audit gave no answer: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    asked = [one for one in found if "skip_reason" not in one]
    if not asked:
        return skipped(f"no advisory can be had: {found[0]['skip_reason'] if found else 'nothing is pinned'}")
    wrong = [(one, flaw) for one in asked for flaw in one["vulns"]]
    for one, flaw in wrong:
        fixed = ", ".join(flaw["fix_versions"]) or "no version"
        sys.stdout.write(f"{one['name']} {one['version']}: {flaw['id']}, mended in {fixed}\n")
    sys.stdout.write(f"audit: {len(asked)} pins asked about, {len(found) - len(asked)} not known, {len(wrong)} flaws\n")
    return 1 if wrong else 0


def skipped(why: str) -> int:
    """Say why nothing was looked at."""
    sys.stdout.write(f"audit skipped: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
