"""An upsert at staging: rows, deletions and the documents that stand before tonight, against a dictionary."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from staged import documents_of

from sphering.config.model import Config
from sphering.errors import SourceError
from sphering.source import DOCUMENTS_FILE, content_digest, stage

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UPSERT = {"mode": "upsert", "deleted": "gone"}
IDS = st.sampled_from(["a", "b", "c", "ä", "Z", "10"])
TEXTS = st.sampled_from(["one", "two", "three"])
NIGHTS = st.lists(st.lists(st.tuples(IDS, TEXTS | st.just(" ") | st.none()), max_size=8), min_size=1, max_size=4)


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def upsert(folder, rows, before=None, purged=frozenset(), **source):
    """Stage rows over documents, or those in the folder of an earlier staging; return the sums and the new folder."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config = Config(corpus="t", source={"path": str(path), "id": "id", **UPSERT, **source}, run={"memory": "256MB"})
    out = folder / f"out-{len(list(folder.glob('out-*')))}"
    carried = before if isinstance(before, pa.Table) else before and documents_of(before)
    batches = carried.to_batches(max_chunksize=2) if carried else ()
    return stage(config, out, base=folder, carried=batches, purged=purged), out


def texts_in(folder):
    return {row["doc_id"]: row["text"] for row in documents_of(folder).to_pylist()}


def reasons_in(folder):
    return pq.read_table(folder / "quarantine.parquet")["reason"].to_pylist()


@SLOW
@given(nights=NIGHTS)
def test_nights_of_upserts_come_to_what_a_dictionary_comes_to(nights, tmp_path, naive_digest):
    documents, before = {}, None
    for night in nights:
        rows = [{"id": name, "text": text, "gone": text is None} for name, text in night]
        sound = {name: text for name, text in night if text != " "}
        standing = set(documents) - set(sound)
        documents = {name: text for name, text in (documents | sound).items() if text is not None}
        staged, before = upsert(tmp_path, rows, before, duplicates="last")
        assert texts_in(before) == documents
        assert staged.content_digest == naive_digest([(*item, "{}") for item in documents.items()])
        assert staged.content_digest == content_digest([before / DOCUMENTS_FILE])
        assert (staged.rows_read, staged.carried) == (len(night), len(standing))
        assert staged.deleted == sum(text is None for text in sound.values())
        assert staged.quarantined == sum(text == " " for _, text in night)
        assert staged.duplicates == len(night) - staged.quarantined - len(sound)


def test_a_deleted_row_needs_only_its_id(tmp_path):
    _, before = upsert(tmp_path, [{"id": name, "text": name} for name in "abcd"])
    rows = [{"id": "a", "gone": True}, {"id": "b", "gone": True, "text": " "}, {"id": "c", "gone": 1, "text": "x\0"}]
    staged, after = upsert(tmp_path, rows, before)
    assert (texts_in(after), staged.deleted, staged.quarantined) == ({"d": "d"}, 3, 0)
    staged, after = upsert(tmp_path, [{"gone": True}, {"id": "d", "text": "e"}], before)
    assert (texts_in(after)["d"], staged.reasons) == ("e", {"missing-id": 1})


@pytest.mark.parametrize("value", [True, 1, 1.0, "true", "TRUE", "1", "yes", "Yes"])
@pytest.mark.parametrize("beside", [None, "no"])
def test_what_says_that_a_row_is_deleted(value, beside, tmp_path):
    rows = [{"id": "a", "text": "t", "gone": value}, {"id": "b", "text": "t", "gone": beside}]
    staged, after = upsert(tmp_path, rows)
    assert (texts_in(after), staged.deleted) == ({"b": "t"}, 1)


@pytest.mark.parametrize("value", [False, 0, 0.0, "false", "FALSE", "0", "no", None])
def test_what_says_that_a_row_is_not_deleted(value, tmp_path):
    staged, after = upsert(tmp_path, [{"id": "a", "text": "t", "gone": value}])
    assert (texts_in(after), staged.deleted) == ({"a": "t"}, 0)


@pytest.mark.parametrize("value", [2, -1, 0.5, "maybe", "", [], {"a": 1}])
def test_a_row_that_says_neither_is_quarantined_and_the_old_version_stays(value, tmp_path):
    _, before = upsert(tmp_path, [{"id": "a", "text": "old"}])
    staged, after = upsert(tmp_path, [{"id": "a", "text": "new", "gone": value}], before)
    assert (texts_in(after), staged.reasons) == ({"a": "old"}, {"unclear-deleted": 1})


def test_columns_of_any_plain_type_tell_deletions(tmp_path):
    for values in (
        pa.array([True, None]),
        pa.array([1, 0], pa.int8()),
        pa.array([1.0, None]),
        pa.array(["yes", "no"]).dictionary_encode(),
        pa.array([b"true", b"false"]),
    ):
        pq.write_table(pa.table({"id": ["a", "b"], "text": ["t", "u"], "gone": values}), tmp_path / "a.parquet")
        config = Config(corpus="t", source={"path": "a.parquet", **UPSERT})
        assert stage(config, tmp_path / f"typed-{values.type.id}", base=tmp_path).deleted == 1
    pq.write_table(pa.table({"id": ["a"], "text": ["t"], "gone": [[1]]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="the column 'gone' holds list"):
        stage(config, tmp_path / "refused", base=tmp_path)


def test_a_deletion_and_a_text_for_one_id_conflict(tmp_path):
    rows = [{"id": "a", "text": "t", "at": 1}, {"id": "a", "gone": True, "at": 2}]
    with pytest.raises(SourceError, match="two rows have the id 'a' of which one removes it") as caught:
        upsert(tmp_path, rows)
    assert caught.value.where == "rows.jsonl, row 1; rows.jsonl, row 2"
    first, _ = upsert(tmp_path, rows, duplicates="first", order_by="at")
    last, _ = upsert(tmp_path, rows, duplicates="last", order_by="at")
    assert (first.documents, first.deleted, first.duplicates) == (1, 0, 1)
    assert (last.documents, last.deleted, last.duplicates) == (0, 1, 1)
    twice, _ = upsert(tmp_path, [rows[1], {"id": "a", "gone": True, "text": "whatever"}])
    assert (twice.deleted, twice.duplicates) == (1, 1)


def test_rows_of_a_query_that_conflict_are_named_by_what_they_say(tmp_path):
    query = "SELECT 'a' AS id, * FROM (VALUES ('t', false), (NULL, true)) AS v(text, gone)"
    config = Config(corpus="t", source={"sql": query, **UPSERT})
    with pytest.raises(SourceError, match="one removes it") as caught:
        stage(config, tmp_path / "out", base=tmp_path)
    assert "a row that removes it" in caught.value.where


def test_an_upsert_by_content_only_adds(tmp_path):
    source = {"id": "hash", "deleted": None}
    _, before = upsert(tmp_path, [{"text": "one"}, {"text": "two"}], **source)
    staged, after = upsert(tmp_path, [{"text": "two"}, {"text": "three"}], before, **source)
    assert (staged.documents, staged.carried, staged.deleted) == (3, 1, 0)
    assert set(texts_in(before)) < set(texts_in(after))


def test_hashes_of_documents_without_texts_are_carried_over(tmp_path, naive_digest):
    _, before = upsert(tmp_path, [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}])
    table = documents_of(before)
    textless = table.set_column(table.schema.get_field_index("text"), "text", pa.nulls(2, pa.string()))
    staged, after = upsert(tmp_path, [{"id": "b", "text": "three"}], textless)
    assert texts_in(after) == {"a": None, "b": "three"}
    assert staged.content_digest == naive_digest([("a", "one", "{}"), ("b", "three", "{}")])


def test_a_night_of_deletions_alone_needs_no_column_of_texts(tmp_path):
    _, before = upsert(tmp_path, [{"id": "a", "text": "t", "m": 1}], metadata=["m"])
    staged, _ = upsert(tmp_path, [{"id": "a", "gone": True}], before, metadata=["m"])
    assert (staged.documents, staged.deleted) == (0, 1)
    with pytest.raises(SourceError, match="there is no column 'm'"):
        upsert(tmp_path, [{"id": "a", "gone": True}, {"id": "b", "text": "t"}], before, metadata=["m"])


def test_a_folder_or_a_glob_without_files_is_an_empty_source(tmp_path):
    (tmp_path / "tonight").mkdir()
    for path in ("tonight", "tonight/*.jsonl"):
        config = Config(corpus="t", source={"path": path, **UPSERT})
        assert stage(config, tmp_path / "out", base=tmp_path).rows_read == 0
        with pytest.raises(SourceError):
            stage(Config(corpus="t", source={"path": path}), tmp_path / "out", base=tmp_path)
    with pytest.raises(SourceError, match="there is no file or folder"):
        stage(Config(corpus="t", source={"path": "tonigt", **UPSERT}), tmp_path / "out", base=tmp_path)


def test_rows_of_purged_ids_are_quarantined_without_a_word_of_theirs(tmp_path):
    _, before = upsert(tmp_path, [{"id": name, "text": name} for name in "abé"])
    purged = frozenset(map(digest, ("a", "é", "long")))
    rows = [
        {"id": "é", "text": "secret"},
        {"id": "c", "text": "fine"},
        {"id": "long", "text": "secret " * 9},
        {"id": "a", "gone": True},
    ]
    staged, after = upsert(tmp_path, rows, before, purged, max_bytes=20)
    assert texts_in(after) == {"b": "b", "c": "fine"}
    assert (staged.reasons, staged.carried, staged.deleted) == ({"purged": 3}, 1, 0)
    written = pq.read_table(after / "quarantine.parquet").to_pylist()
    assert sorted((row["row"], row["doc_id"], row["excerpt"]) for row in written) == [
        (1, None, ""),
        (3, None, ""),
        (4, None, ""),
    ]


@pytest.mark.parametrize("mode", ["full", "upsert"])
def test_ids_made_from_content_may_be_purged_as_well(mode, tmp_path):
    source = {"id": "hash", "mode": mode, "deleted": None, "metadata": ["m"]}
    _, before = upsert(tmp_path, [{"text": "one", "m": 1}], **source)
    (doc_id,) = texts_in(before)
    rows = [{"text": "one", "m": 1}, {"text": "one", "m": 2}]
    staged, after = upsert(tmp_path, rows, purged=frozenset([digest(doc_id)]), **source)
    assert (staged.documents, reasons_in(after)) == (1, ["purged"])


def test_purged_rows_of_a_query_are_found_while_it_is_read(tmp_path):
    query = "SELECT 'n' || n AS id, 'text ' || n AS text FROM range(10000) AS r(n)"
    config = Config(corpus="t", source={"sql": query})
    staged = stage(config, tmp_path / "out", base=tmp_path, purged=frozenset([digest("n7"), digest("n9999")]))
    assert (staged.documents, staged.reasons) == (9998, {"purged": 2})


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ({"path": "a.jsonl", "deleted": "gone"}, "mode"),
        ({"path": "a.jsonl", "id": "hash", **UPSERT}, "only adds"),
        ({"path": "a.txt", "format": "lines", **UPSERT}, "lines has none"),
    ],
)
def test_deletions_that_cannot_be_told_are_refused_with_the_configuration(source, found):
    with pytest.raises(ValidationError, match=found):
        Config(corpus="t", source=source)


def test_deletions_are_refused_where_the_files_turn_out_to_have_no_columns(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.md").write_text("one\n")
    with pytest.raises(SourceError, match="the format text has no columns, but 'gone' is asked for"):
        stage(Config(corpus="t", source={"path": ".", **UPSERT}), tmp_path / "out", base=tmp_path)
