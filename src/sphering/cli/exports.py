"""The exports of a release, as a person reads them: what was measured, and where each lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sphering.cli.terminal import print_line


def print_exports(exports: Sequence[Mapping[str, Any]], places: Sequence[str]) -> None:
    """Print each export with what was measured, whole, and its place below: a table would cut both.

    Parameters
    ----------
    exports : sequence of mapping
        As `export_facts` gives them.
    places : sequence of str
        Where each lies.
    """
    from sphering.export.facts import measured_words

    for entry, place in zip(exports, places, strict=True):
        said = measured_words(entry)
        print_line(f"  export {entry['name']} ({entry['format']}{f'; {said}' if said else ''}):")
        print_line(f"    {place}")
