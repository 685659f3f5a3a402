"""`sphering pull`: a published export, verified, as a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.search import CONSUMED
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_line
from sphering.errors import IntegrityError, NotFoundError
from sphering.store.layout import MANIFEST

if TYPE_CHECKING:
    from sphering.store.corpus import CorpusStore
    from sphering.store.release import ExportEntry, Release


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "pull", example="sphering pull --export faiss /srv/index --if-changed")
    def pull(
        shared: Shared,
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the export's files go.")],
        export: Annotated[str, typer.Option("--export", metavar="NAME", help="The export's name.")],
        snapshot: Annotated[str | None, CONSUMED] = None,
        *,
        if_changed: Annotated[bool, typer.Option("--if-changed", help="Copy nothing if DIR has it.")] = False,
    ) -> None:
        """Copy a published export to DIR, verified, swapped in whole.

        Every file's SHA-256 is checked after it was copied; DIR is the old export or the new one, never a mixture.
        """
        place = place_of(shared)
        selector = place.selector(snapshot, "published")
        release = place.corpus.find_release(selector)
        entry = _entry(release, export)
        facts: dict[str, Any] = {
            "release": release.id,
            "snapshot": release.snapshot,
            "selector": selector,
            "export": entry.to_json(),
        }
        status = pull_export(place.corpus, entry, folder.expanduser().absolute(), if_changed=if_changed)
        if shared.json:
            print_json({**facts, "status": status})
            return
        note(f"{selector} is release {release.id}, snapshot {release.snapshot}", quiet=shared.quiet)
        print_line(f"{status}: {export} ({entry.format}) in {folder}")


def pull_export(corpus: CorpusStore, entry: ExportEntry, folder: Path, *, if_changed: bool) -> str:
    """Copy an export to a folder; return `pulled`, or `unchanged` where the folder has it already.

    Raises
    ------
    InputError
        If the folder is there and holds something else.
    IntegrityError
        If a byte is not the one that was exported; then the folder is as it was.
    """
    from sphering.cli.swap import check_replaceable, swap_in
    from sphering.store.documents import read_document
    from sphering.store.files import key_parts

    key = f"{entry.path}/{MANIFEST}"
    sealed = corpus.files.read(key)
    _check(sealed, entry)
    manifest = read_document(corpus.files, key)
    if if_changed and _has(folder, sealed, manifest):
        return "unchanged"
    check_replaceable(folder, MANIFEST, "sphering pull")

    def fill(new: Path) -> None:
        for name, expected in manifest["files"].items():
            # The manifest is the store's, and whoever writes there: no name of it leads out of the folder.
            target = new.joinpath(*key_parts(name, corpus.files.where(key)))
            _copy(corpus.files.path(f"{entry.path}/{name}"), target, expected)
        (new / MANIFEST).write_bytes(sealed)

    swap_in(folder, fill)
    return "pulled"


def _entry(release: Release, name: str) -> ExportEntry:
    for entry in release.exports:
        if entry.name == name:
            return entry
    raise NotFoundError(
        f"the release {release.id} has no export {name!r}",
        expected=", ".join(entry.name for entry in release.exports) or "a release with exports",
        remedy="name one of these, or add an [[export]] table and run again",
    )


def _check(sealed: bytes, entry: ExportEntry) -> None:
    from sphering.identity import sha256_bytes

    if sha256_bytes(sealed) != entry.manifest_sha256:
        raise IntegrityError(
            "the export's manifest is not the one that the release names",
            where=f"{entry.path}/{MANIFEST}",
            remedy="`sphering verify` says what else is wrong; restore it from a backup",
        )


def _has(folder: Path, sealed: bytes, manifest: dict[str, Any]) -> bool:
    """Return whether the folder holds the same export: its manifest, and its files."""
    from sphering.identity import holds_files

    there = folder / MANIFEST
    if not there.is_file() or there.read_bytes() != sealed:
        return False
    return holds_files(folder, manifest["files"])


def _copy(source: Path, target: Path, expected: dict[str, Any]) -> None:
    from sphering.identity import sha256_file

    if not source.is_file():
        raise IntegrityError("this file of an export is missing", where=str(source), remedy="`sphering verify`")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    actual = sha256_file(target)
    if actual != expected["sha256"]:
        raise IntegrityError(
            f"the copied bytes have SHA-256 {actual[:16]}…",
            expected=f"{expected['sha256'][:16]}…",
            where=str(source),
            remedy="pull again; if it stays, `sphering verify` says what is wrong in the store",
        )
