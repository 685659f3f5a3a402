"""`sphering plan`: what a run would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.gates import print_gates
from sphering.cli.listening import listening
from sphering.cli.overrides import Overrides
from sphering.cli.place import config_of
from sphering.cli.result import billed, encoder_words
from sphering.cli.shared import CONFIGURED, Shared
from sphering.cli.terminal import print_json, print_line, print_pairs

if TYPE_CHECKING:
    from sphering.config.model import Config

_COUNTS = (
    "rows_read",
    "source_documents",
    "chunks",
    "documents",
    "carried",
    "deleted",
    "texts",
    "quarantined",
    "duplicates",
    "encode",
    "evaluation_encode",
    "reuse",
    "unchanged",
    "removed",
    "units",
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "plan", example="sphering plan --set transform.kind=whiten", options=CONFIGURED)
    def plan(shared: Shared, overrides: Annotated[list[str] | None, Overrides] = None) -> None:
        """Show what a run would do; write nothing.

        The source is read and its gates are judged. The time is estimated from the rate of an earlier run, or from a
        few texts that are encoded for it.
        """
        from sphering.flows.environment import prepare

        config = config_of(shared, overrides or ())
        prepare(shared.verbose, config.encoder)
        with listening(quiet=shared.quiet):
            from sphering.run.plan import plan as plan_run

            planned = plan_run(config)
        if shared.json:
            print_json(planned)
            return
        _print(planned, config)


def _print(planned: dict[str, Any], config: Config) -> None:
    print_line(
        f"{planned['corpus']}: a run would read {planned['rows_read']:,} rows and encode {planned['encode']:,} texts"
    )
    print_pairs({name: planned[name] for name in _COUNTS if planned.get(name) is not None})
    for reason, count in planned["reasons"].items():
        print_line(f"  quarantined, {reason}: {count:,}")
    print_pairs(
        {
            "encoder": f"{planned['encoder']}, {encoder_words(planned, config)}",
            "exports": len(planned["exports"]) or "none",
            "seconds": f"about {planned['seconds']:,.0f} to encode ({planned['rate_from']})",
            **billed(planned),
        }
    )
    for entry in planned["exports"]:
        print_line(f"  export {entry['name']} ({entry['format']})")
    print_gates(planned["gates"])
    for warning in planned["warnings"]:
        print_line(f"warning: {warning}")
    if not planned["passed"]:
        print_line("a gate on the source does not pass: a run would end here, before encoding, with exit code 3")
