"""`sphering init`: a configuration and a sample to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.shared import Shared
from sphering.cli.terminal import note
from sphering.errors import InputError

TEMPLATE = ("sphering.toml", "README.md", "data/questions.jsonl", "data/ATTRIBUTION.md")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "init", example="sphering init nightly && cd nightly && sphering run", options=("quiet", "verbose"))
    def init(
        shared: Shared,
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or existing folder.")] = Path(),
    ) -> None:
        """Write a commented sphering.toml and a small real sample.

        The sample is 308 questions of bank customers (Banking77, CC BY 4.0). Nothing that exists is replaced.
        """
        written = write_template(folder)
        for path in written:
            note(f"wrote {path}", quiet=shared.quiet)
        step = "sphering run" if folder == Path() else f"cd {folder} && sphering run"
        note(f"next: {step}", quiet=shared.quiet)


def write_template(folder: Path) -> list[Path]:
    """Write the template's files under a folder; return their paths.

    Raises
    ------
    InputError
        If one of them is there already; then nothing is written.
    """
    from sphering.store.files import storage_errors

    present = [folder / name for name in TEMPLATE if (folder / name).exists()]
    if present:
        raise InputError(
            f"{present[0]} is there already",
            expected="a folder without it: nothing is replaced",
            where=str(folder.absolute()),
            remedy="name another folder: sphering init DIR",
        )
    source = files("sphering.config") / "template"
    written = []
    with storage_errors(folder):
        for name in TEMPLATE:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.joinpath(name).read_bytes())
            written.append(target)
    return written
