"""`sphering purge`: erase documents from a corpus and its history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line, print_table
from sphering.errors import InputError

_IDS = typer.Option("--ids", metavar="FILE", help="The ids: one a line, or a Parquet file with the column doc_id.")
_WHY = typer.Option("--why", metavar="TEXT", help="The reason, kept on the tombstone.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "purge", example='sphering purge --ids erase.txt --why "request 2026-114"')
    def purge(shared: Shared, ids: Annotated[Path, _IDS], why: Annotated[str, _WHY]) -> None:
        """Erase documents from a corpus and its history.

        Makes what refs name again without them, then deletes every snapshot, export and release that holds one, and
        rewrites shards and quarantined rows. Later runs quarantine these ids. What was pulled or copied elsewhere is
        not touched.
        """
        from sphering.maintenance.purge import purge as purge_documents

        done = purge_documents(place_of(shared).corpus, read_ids(ids), why)
        if shared.json:
            print_json(done.to_json())
            return
        print_table(("erased from", "count"), list(done.counts.items()))
        for old, new in done.successors.items():
            print_line(f"release {new} takes the place of {old}")
        print_line(f"{done.ids} ids are on the tombstone {done.tombstone}: no run takes them in again")
        if done.counts["documents"] < done.ids:
            unknown = done.ids - done.counts["documents"]
            note(f"{unknown} of the ids named no document of any snapshot: were they meant?", quiet=shared.quiet)


def read_ids(path: Path) -> list[str]:
    """Return the ids of a file, blank lines left out.

    Raises
    ------
    InputError
        If it cannot be read, or is a Parquet file without the column doc_id.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() == ".parquet":
            column = pq.read_table(path, columns=["doc_id"])["doc_id"].cast(pa.string())
            return [value for value in column.to_pylist() if value]
        # Lines end as editors end them: an id may hold a character at which `splitlines` would cut it.
        lines = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").split("\n")
        return [line for line in lines if line.strip()]
    except (OSError, UnicodeDecodeError, pa.ArrowException, KeyError) as error:
        raise InputError(
            f"the ids cannot be read: {error}",
            expected="a text file of one id a line, or a Parquet file with the column doc_id",
            where=str(path),
        ) from error
