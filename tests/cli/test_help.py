"""Help that fits, helps and comes at once."""

import inspect
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sphering import __version__
from sphering.cli.app import app

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = {
    "init", "plan", "run", "snapshots", "show", "report", "diff", "compare", "fit", "export", "publish", "rollback",
    "search", "bundle", "pull", "verify", "gc", "purge", "catalog rebuild", "sql", "deploy", "doctor",
}  # fmt: skip
HEAVY = ("prefect", "torch", "duckdb", "pyarrow", "numpy", "polars", "faiss", "sentence_transformers")


def commands():
    """Return every command by its name; that of a group's goes after the group's."""
    found = {}
    for name, one in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        of_group = getattr(one, "commands", None)
        found |= {name: one} if of_group is None else {f"{name} {inner}": entry for inner, entry in of_group.items()}
    return found


def help_of(*arguments):
    result = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert result.exit_code == 0
    return result.stdout


def test_these_are_the_commands():
    assert set(commands()) == COMMANDS


def test_the_first_help_has_one_whole_line_for_each_command():
    text = help_of()
    lines = text.splitlines()
    assert [name for name in COMMANDS if not re.search(rf"^  {name.split()[0]} +\S", text, re.MULTILINE)] == []
    assert len(lines) <= len(COMMANDS) + 10
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    assert "..." not in "".join(lines).replace("COMMAND [ARGS]...", "")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_a_line_an_example_and_a_place_in_the_documentation(name):
    text = help_of(*name.split())
    assert re.search(rf"^  Example:\n    sphering {name}", text, re.MULTILINE)
    assert f"\n### {name}\n\n    sphering {name}" in DOCUMENT
    assert re.search(rf"^  {name.split()[-1]} +\S", help_of(*name.split()[:-1]), re.MULTILINE)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_explained_in_the_help_and_named_in_the_documentation(name):
    for parameter in commands()[name].params:
        assert parameter.name == "help" or getattr(parameter, "help", ""), parameter.name
        for spelling in parameter.opts:
            if spelling.startswith("--"):
                assert f"{spelling}" in DOCUMENT, spelling


def test_every_command_that_prints_facts_has_json():
    without = {name for name, one in commands().items() if not any(entry.name == "json" for entry in one.params)}
    assert without == {"init"}


def test_examples_are_commands_that_parse():
    for name, one in commands().items():
        example = inspect.cleandoc(one.help).split("Example:")[1]
        assert f"sphering {name}" in example


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["search", "--help"], ["--version"]])
def test_nothing_heavy_is_imported_before_a_command_works(arguments):
    code = f"""
import sys
from sphering.cli.app import app
try:
    app({arguments!r})
except SystemExit:
    pass
print(sorted(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"


def test_help_comes_at_once():
    # Processor time, which a busy machine does not stretch as it does the clock: 0.25 s here.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(3):
        subprocess.run([sys.executable, "-m", "sphering.cli", "--help"], capture_output=True, timeout=60, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) / 3 < 1.0


def test_the_version_is_the_packages():
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == f"sphering {__version__}"


def test_completion_can_be_shown_and_installed(sphering, tmp_path):
    bash = {"HOME": str(tmp_path), "SHELL": "/bin/bash", "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = sphering("--show-completion", "bash", cwd=tmp_path, **bash)
    assert shown.code == 0
    assert "_SPHERING_COMPLETE=complete_bash" in shown.out
    installed = sphering("--install-completion", "bash", cwd=tmp_path, **bash)
    assert installed.code == 0
    assert "sphering" in (tmp_path / ".bashrc").read_text(encoding="utf-8")


def test_a_command_completes_its_name(sphering, tmp_path):
    done = sphering(cwd=tmp_path, _SPHERING_COMPLETE="complete_bash", COMP_WORDS="sphering sn", COMP_CWORD="1")
    assert "snapshots" in done.out


def test_a_mistyped_command_is_answered_with_the_nearest(sphering, tmp_path):
    done = sphering("serch", "x", cwd=tmp_path)
    assert done.code == 2
    assert "'search'" in done.err


def test_shared_options_may_stand_before_the_command(sphering, tmp_path):
    before = sphering("--config", "nowhere.toml", "show", cwd=tmp_path)
    after = sphering("show", "--config", "nowhere.toml", cwd=tmp_path)
    assert before == after
    assert "nowhere.toml" in before.err


def test_an_option_that_a_command_does_not_take_is_refused_and_not_ignored(sphering, tmp_path):
    done = sphering("--config", "x.toml", "init", "there", cwd=tmp_path)
    assert done.code == 2
    assert "takes no --config" in done.err
    assert not (tmp_path / "there").exists()
