"""The texts of each label are counted apart, exactly, whatever the labels are."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.encoder import Encoded, Encoder
from sphering.identity import canonical_json
from sphering.report.counted import count_documents
from sphering.report.equal_vectors import EqualVectors
from sphering.report.label_columns import MOST_LABELS, pointer
from sphering.report.labels import label_tables
from sphering.store.snapshot import Snapshot

LIBREOFFICE = Path(__file__).parents[2] / "examples" / "libreoffice_help"


Write = Callable[..., Snapshot]


def _json(value: Any) -> str:
    return canonical_json(value).decode()


def tables(snapshot: Snapshot, *columns: str) -> dict[str, list[dict[str, Any]]]:
    counted = count_documents(snapshot, columns)
    return label_tables(counted, EqualVectors(counted))


def value(line: dict[str, Any], metric: str) -> float | None:
    number: float | None = line[metric]["value"]
    return number


@pytest.fixture(scope="module")
def help_pages(encoder: Encoder, write_snapshot: Write, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """40 English pages, 40 Vietnamese ones and 300 Vietnamese terms, 30 of them twice; each tenth has no language."""
    parts = {name: pq.read_table(LIBREOFFICE / f"{name}.parquet") for name in ("pages-en", "pages-vi", "terms-vi")}
    rows = [row for name, part in parts.items() for row in part.slice(0, 300 if "terms" in name else 40).to_pylist()]
    rows += rows[-30:]
    metadata = [
        {"module": row["module"]} | ({"lang": row["lang"]} if number % 10 else {}) for number, row in enumerate(rows)
    ]
    texts = [row["text"] for row in rows]
    folder = tmp_path_factory.mktemp("help")
    encoded = encoder.encode(texts)
    return write_snapshot(folder, texts, encoded, encoder.identity.id, metadata=[*map(_json, metadata)])


def naive(snapshot: Snapshot, column: str) -> dict[str | None, dict[str, float]]:
    groups: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for row in snapshot.scan().collect().iter_rows(named=True):
        groups[json.loads(row["metadata"]).get(column)].append(row)
    return {label: _naive(rows) for label, rows in groups.items()}


def _naive(rows: list[dict[str, Any]]) -> dict[str, float]:
    texts = {row["text"]: tuple(row["embedding"]) for row in rows}
    shared = Counter(texts.values())
    equal = sum(shared[vector] > 1 for vector in texts.values())
    tokens = sum(row["n_tokens"] for row in rows)
    return {
        "documents": len(rows),
        "texts": len(texts),
        "tokens_per_character": tokens / sum(len(row["text"]) for row in rows),
        "truncated_share": sum(row["truncated"] for row in rows) / len(rows),
        "unknown_share": sum(row["n_unknown"] for row in rows) / tokens,
        "equal_vector_texts": equal,
        "equal_vector_texts_share": equal / len(texts),
    }


@pytest.mark.parametrize("column", ["lang", "module"])
def test_each_label_s_numbers_are_those_of_a_loop_over_its_documents(help_pages: Snapshot, column: str) -> None:
    lines = tables(help_pages, "lang", "module")[column]
    wanted = naive(help_pages, column)
    assert {line["label"] for line in lines} == set(wanted)
    for line in lines:
        assert {
            metric: value(line, metric) for metric in wanted[None if line["of"] == "missing" else line["label"]]
        } == (pytest.approx(wanted[line["label"]], rel=1e-12))


def test_the_model_drops_the_marks_of_vietnamese_and_knows_english(help_pages: Snapshot) -> None:
    vietnamese, english, missing = tables(help_pages, "lang")["lang"]
    assert (vietnamese["label"], english["label"], missing["of"]) == ("vi", "en", "missing")
    assert value(vietnamese, "unknown_share") > 0.3 > 0.001 > value(english, "unknown_share")
    assert value(vietnamese, "equal_vector_texts") > 0 == value(english, "equal_vector_texts")
    assert value(vietnamese, "tokens_per_character") > 1.5 * value(english, "tokens_per_character")


def test_every_document_is_in_one_line(help_pages: Snapshot) -> None:
    documents = help_pages.manifest.documents
    for lines in tables(help_pages, "lang", "module", "nowhere").values():
        assert sum(value(line, "documents") for line in lines) == documents


def test_a_column_that_no_document_has_is_one_line_of_missing_labels(help_pages: Snapshot) -> None:
    (line,) = tables(help_pages, "nowhere")["nowhere"]
    assert (line["of"], line["label"], value(line, "documents")) == ("missing", None, help_pages.manifest.documents)


def test_without_columns_of_labels_there_is_no_table(help_pages: Snapshot) -> None:
    assert tables(help_pages) == {}


def labelled(write: Write, folder: Path, labels: list[Any], column: str = "label") -> Snapshot:
    """Documents of one token each, with vectors of their own, and a label where it is not None."""
    count = len(labels)
    vectors = np.eye(count, 8, dtype=np.float32) + np.arange(count, dtype=np.float32)[:, None]
    flags = np.zeros(count, bool)
    encoded = Encoded(vectors, np.ones(count, np.int32), np.zeros(count, np.int32), flags)
    metadata = [_json({} if label is None else {column: label}) for label in labels]
    return write(folder, [f"text {row}" for row in range(count)], encoded, "e" * 16, metadata=metadata)


def test_the_labels_beyond_the_most_frequent_are_summed_in_one_line(write_snapshot: Write, tmp_path: Path) -> None:
    labels = [f"label {number:02d}" for number in range(30) for _ in range(31 - number)]
    lines = tables(labelled(write_snapshot, tmp_path, labels), "label")["label"]
    assert [line["of"] for line in lines] == ["label"] * MOST_LABELS + ["others"]
    counts = [value(line, "documents") for line in lines]
    assert counts[:MOST_LABELS] == sorted(counts[:MOST_LABELS], reverse=True)
    assert lines[-1]["labels"] == 30 - MOST_LABELS
    assert sum(counts) == len(labels) - 1  # one row is dropped


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, labels=st.lists(st.none() | NAMES | st.integers(0, 3) | st.booleans(), min_size=8, max_size=20))
def test_columns_and_labels_may_have_any_name(
    write_snapshot: Write, tmp_path_factory: pytest.TempPathFactory, name: str, labels: list[Any]
) -> None:
    snapshot = labelled(write_snapshot, tmp_path_factory.mktemp("named"), labels, name)
    kept = [json.loads(row).get(name) for row in snapshot.scan().select("metadata").collect()["metadata"]]
    wanted = Counter(None if each is None else each if isinstance(each, str) else json.dumps(each) for each in kept)
    assert {line["label"]: value(line, "documents") for line in tables(snapshot, name)[name]} == wanted


def test_a_pointer_escapes_what_a_json_pointer_keeps_for_itself() -> None:
    assert pointer("a/b~c") == "/a~1b~0c"


def test_tokens_per_character_are_undefined_where_no_text_is_kept(help_pages: Snapshot) -> None:
    manifest = dataclasses.replace(help_pages.manifest, keep_text=False)
    lines = tables(Snapshot(manifest, help_pages.paths, help_pages.dropped_path), "lang")["lang"]
    assert {value(line, "tokens_per_character") for line in lines} == {None}
    assert "keep_text" in lines[0]["tokens_per_character"]["reason"]
    assert value(lines[0], "unknown_share") is not None


def test_unknown_tokens_are_undefined_where_the_encoder_does_not_tell_them(
    help_pages: Snapshot, tmp_path: Path
) -> None:
    paths = []
    for path in help_pages.paths:
        paths.append(tmp_path / path.name)
        table = pl.read_parquet(path).with_columns(n_unknown=pl.lit(None, pl.Int32)).to_arrow()
        pq.write_table(table.cast(pq.read_schema(path)), paths[-1])
    lines = tables(Snapshot(help_pages.manifest, paths, help_pages.dropped_path), "lang")["lang"]
    assert {value(line, "unknown_share") for line in lines} == {None}
