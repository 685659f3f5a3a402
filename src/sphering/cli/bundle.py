"""`sphering bundle`: the query side of a release, as a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.search import CONSUMED
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line
from sphering.config.encoder import EncoderConfig


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "bundle", example="sphering bundle /srv/query-side --if-changed")
    def bundle(
        shared: Shared,
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the query side goes.")],
        snapshot: Annotated[str | None, CONSUMED] = None,
        *,
        if_changed: Annotated[bool, typer.Option("--if-changed", help="Make nothing if DIR has it.")] = False,
    ) -> None:
        """Write the query side to DIR, ready to be served.

        Plain SentenceTransformer(DIR) loads it and does prompt, truncation, transform and normalisation; apply.py needs
        NumPy alone. What it gives is compared with the pipeline before DIR is swapped in whole.
        """
        from sphering.flows.environment import prepare

        place = place_of(shared)
        selector = place.selector(snapshot, "published")
        release = place.corpus.find_release(selector)
        prepare(shared.verbose, EncoderConfig.model_validate(release.encoder_config))
        from sphering.bundle.folder import BUNDLE, holds, read_bundle
        from sphering.cli.swap import check_replaceable, swap_in
        from sphering.run.bundle import make_bundle

        target = folder.expanduser().absolute()
        status = "unchanged" if if_changed and holds(target, release.bundle) else "made"
        if status == "made":
            check_replaceable(target, BUNDLE, "sphering bundle")
            swap_in(target, lambda new: make_bundle(place.corpus, release, new))
        made = read_bundle(target) or {}
        if shared.json:
            facts = {"release": release.id, "snapshot": release.snapshot, "selector": selector}
            print_json({**facts, "status": status, "bundle": made})
            return
        note(f"{selector} is release {release.id}, snapshot {release.snapshot}", quiet=shared.quiet)
        print_line(f"{status}: bundle {release.bundle} in {folder}; {_parity(made)}")


def _parity(made: dict[str, Any]) -> str:
    """Return in words how the folder stands to the pipeline."""
    model = made["model"]
    if model is None:
        return f"the transform alone, for vectors of the encoder {made['encoder']}"
    parity = model["parity"]
    return f"least cosine to the pipeline {parity['min_cosine']:.9f} over {parity['n']} texts"
