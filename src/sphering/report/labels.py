"""The texts of each label: which of a column's labels the encoder does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sphering.geometry.estimate import exact
from sphering.report.catalogue import COUNTS
from sphering.report.counted import Counted, Tally
from sphering.report.equal_vectors import EqualVectors, equal_vector_numbers
from sphering.report.label_columns import LabelColumn
from sphering.report.measured import Json, number, share_of, whole_counts
from sphering.report.texts import tokens_per_character, unknown_share

LABEL, OTHERS, MISSING = "label", "others", "missing"


def label_tables(counted: Counted, equal: EqualVectors) -> dict[str, list[Json]]:
    """Return, by the name of each column of labels, a line of numbers for each of its labels.

    The labels with most documents have a line each (`of` is `label`), the others one together (`others`, with how many
    `labels` they are), and so have documents without a label (`missing`). A line without documents is left out.
    """
    return {column.name: list(_lines(column, counted, equal)) for column in counted.columns}


def _lines(column: LabelColumn, counted: Counted, equal: EqualVectors) -> Iterator[Json]:
    counts = zip(counted.tallies[column.name], equal.by_line(column.name), strict=True)
    for head, (tally, (texts, same)) in zip(_heads(column), counts, strict=True):
        if tally.documents:
            yield {**head, **whole_counts(_numbers(tally, texts, same), COUNTS)}


def _heads(column: LabelColumn) -> Iterator[dict[str, Any]]:
    yield from ({"of": LABEL, "label": label} for label in column.labels)
    yield {"of": OTHERS, "label": None, "labels": column.others}
    yield {"of": MISSING, "label": None}


def _numbers(tally: Tally, texts: int, same: int) -> dict[str, Json]:
    documents = tally.documents
    return {
        "documents": number(exact(documents, documents), "documents"),
        "texts": number(exact(texts, documents), "documents"),
        "tokens_per_character": number(tokens_per_character(tally), "characters"),
        "truncated_share": number(share_of(tally.truncated, documents, "no document"), "documents"),
        "unknown_share": number(unknown_share(tally), "tokens"),
        **equal_vector_numbers(same, texts),
    }
