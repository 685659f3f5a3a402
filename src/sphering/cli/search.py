"""`sphering search`: ask the corpus a question."""

from __future__ import annotations

from typing import Annotated

import typer

from sphering.cli.command import command
from sphering.cli.place import place_of
from sphering.cli.shared import Shared
from sphering.cli.terminal import note, print_json, print_table
from sphering.config.encoder import EncoderConfig
from sphering.errors import InputError

CONSUMED = typer.Option("--snapshot", metavar="SNAPSHOT", help="A release: id, prefix or ref; by default published.")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @command(app, "search", example='sphering search "where is my card?" -k 5')
    def search(
        shared: Shared,
        question: Annotated[str, typer.Argument(metavar="QUESTION", help="The text to look for.")],
        k: Annotated[int, typer.Option("-k", min=1, metavar="K", help="How many documents.")] = 10,
        snapshot: Annotated[str | None, CONSUMED] = None,
    ) -> None:
        """Find the documents nearest to a question, exactly.

        The question goes the way that the documents went: prompt, encoder, transform, normalisation.
        """
        from sphering.flows.environment import prepare

        if not question.strip():
            raise InputError("the question is empty", expected="a text", remedy='sphering search "a question"')
        place = place_of(shared)
        selector = place.selector(snapshot, "published")
        prepare(shared.verbose, EncoderConfig.model_validate(place.corpus.find_release(selector).encoder_config))
        from sphering.run.search import search as search_corpus

        found = search_corpus(place.corpus, selector, question, k)
        if shared.json:
            print_json(found)
            return
        note(f"{selector} is release {found['release']}, snapshot {found['snapshot']}", quiet=shared.quiet)
        rows = [(f"{hit['score']:.4f}", hit["doc_id"], hit["text"]) for hit in found["hits"]]
        print_table(("score", "doc_id", "text"), rows)
