"""`sphering verify`: hash everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import Place, place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table
from sphering.config.encoder import EncoderConfig
from sphering.errors import IntegrityError, NotFoundError

if TYPE_CHECKING:
    from sphering.maintenance.findings import Findings
    from sphering.store.release import Release

_SNAPSHOT = typer.Argument(metavar="SNAPSHOT", help="A release: id, prefix or ref; by default the whole corpus.")
_REENCODE = typer.Option(
    "--reencode", metavar="N", min=1, help="Encode N distinct texts again, of SNAPSHOT or else of `latest`."
)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "verify", example="sphering verify\nsphering verify published --reencode 100 --json")
    def verify(
        shared: Shared,
        snapshot: Annotated[str | None, _SNAPSHOT] = None,
        reencode: Annotated[int | None, _REENCODE] = None,
    ) -> None:
        """Check that every stored byte is still what was written.

        Exit code 1 says that something is not, or that texts that were encoded again drifted from their vectors.
        """
        from sphering.maintenance.reencode import verify_and_reencode

        place = place_of(shared)
        selector = None if snapshot is None else place.selector(snapshot, "latest")
        release, refused = None, None
        try:
            release = None if reencode is None else _reencodable(shared, place, snapshot)
        except (IntegrityError, NotFoundError) as error:  # what is damaged is a finding, beside whatever else is
            refused = error
        findings = verify_and_reencode(place.corpus, selector, release, reencode or 0)
        if refused is not None and findings.sound:
            raise refused
        if shared.json:
            print_json(findings.to_json())
        else:
            note(f"checked {selector or 'the whole corpus'}", quiet=shared.quiet)
            _print(findings, asked=reencode is not None)
        if not findings.sound:
            raise typer.Exit(1)


def _reencodable(shared: Shared, place: Place, snapshot: str | None) -> Release:
    """Return the release whose texts are encoded again, after what can be refused at once was refused."""
    from sphering.flows.environment import prepare

    release = place.corpus.find_release(place.selector(snapshot, "latest"))
    prepare(shared.verbose, EncoderConfig.model_validate(release.encoder_config))
    from sphering.maintenance.reencode import check_reencodable

    check_reencodable(place.corpus, release)
    return release


def _print(findings: Findings, *, asked: bool) -> None:
    wrong = [entry["kind"] for entry in findings.wrong]
    rows = [(kind, count, wrong.count(kind)) for kind, count in findings.checked.items()]
    print_table(("kind", "checked", "wrong"), rows)
    for entry in findings.wrong:
        print_line(f"WRONG: {entry['kind']} {entry['name']}: {entry['found']} ({entry['where']})")
    for entry in findings.skipped:
        print_line(
            f"hashed alone, not read back: {entry['kind']} {entry['name']}: {entry['found']} ({entry['remedy']})"
        )
    if findings.reencoded is not None:
        print_line(_reencoded(findings.reencoded.to_json()))
    elif asked:
        print_line("no text was encoded again: what is stored is damaged")
    print_line("sound" if findings.sound else "not sound: restore what is named from a backup")


def _reencoded(found: dict[str, Any]) -> str:
    difference, distance = (
        "not finite" if found[name] is None else f"{found[name]:.3g}"
        for name in ("max_difference", "max_cosine_distance")
    )
    return (
        f"encoded again: {found['n']} of {found['texts']} distinct texts (seed {found['seed']}), "
        f"{found['equal']} equal in every bit; largest difference {difference}, largest cosine distance {distance}, "
        f"max_drift {found['max_drift']:.3g}"
    )
