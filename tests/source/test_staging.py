"""Sums, duplicates, order and digests of what is staged."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.errors import IntegrityError, SourceError
from sphering.source import Staged, content_digest
from sphering.source.documents import DOCUMENTS
from sphering.source.quarantine import QUARANTINE

SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.none() | st.sampled_from(["", " ", "a", "b", "é", "x\ud800", "n\0", "long" * 9, 5, 1.5, True, [], {"a": 1}])
LINES = st.fixed_dictionaries({}, optional={"id": VALUES, "text": VALUES, "m": VALUES}).map(
    json.dumps
) | st.sampled_from(
    [
        "{",
        "[1]",
        '"a"',
        "",
        "  ",
        "null",
        '{"id": "a", "text": "b"} x',
        '{"id":"a","text":"b"},{"id":"c","text":"d"}',
        "[1",
        "2]",
    ]
)


def _judge(line):
    """Say what becomes of a line, in plain Python: a reason, or a document."""
    try:
        row = json.loads(line)
    except ValueError:
        return "malformed"
    if not isinstance(row, dict):
        return "malformed"
    doc_id, text, extra = row.get("id"), row.get("text"), row.get("m")
    if isinstance(doc_id, (bool, float, list, dict)):
        return "wrong-type"
    if not isinstance(text, str | None):
        return "wrong-type"
    if any("\ud800" in value for value in (doc_id, text, extra) if isinstance(value, str)):
        return "surrogate"
    if doc_id in (None, ""):
        return "missing-id"
    if len(str(doc_id).encode()) > 20:
        return "too-long"
    if "\0" in str(doc_id):
        return "nul"
    if text is None:
        return "null"
    if len(text.encode()) > 20:
        return "too-long"
    if "\0" in text:
        return "nul"
    if not text.strip():
        return "empty"
    metadata = {} if extra is None else {"m": extra}
    return str(doc_id), text, json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))


@SLOW
@given(lines=st.lists(LINES, max_size=12))
def test_every_row_is_a_document_a_duplicate_or_in_quarantine(lines, staging, tmp_path, naive_digest):
    lines = ['{"id": "first", "text": "t", "m": 1}', *lines]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    judged = [_judge(line) for line in lines if line.strip()]
    rows = [row for row in judged if isinstance(row, tuple)]
    kept = {}
    for row in rows:
        kept.setdefault(row[0], row)
    staged = staging(path="a.jsonl", metadata=["m"], max_bytes=20, duplicates="first")
    assert staged.rows_read == len(judged)
    assert staged.documents == len(kept)
    assert staged.duplicates == len(rows) - len(kept)
    assert sum(staged.reasons.values()) == staged.quarantined == len(judged) - len(rows)
    assert staged.reasons == {reason: judged.count(reason) for reason in judged if isinstance(reason, str)}
    assert staged.content_digest == naive_digest(list(kept.values()))


@SLOW
@given(
    ids=st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1), unique=True)
)
def test_documents_stand_in_the_order_of_their_ids_bytes(ids, staging, tmp_path, naive_digest):
    pq.write_table(
        pa.table({"id": pa.array(ids, pa.string()), "text": pa.array(ids, pa.string())}),
        tmp_path / "a.parquet",
    )
    staged = staging(path="a.parquet", id="id", text="id")
    blank = [doc_id for doc_id in ids if not doc_id.strip()]
    kept = [doc_id for doc_id in ids if doc_id.strip()]
    assert staged.quarantined == len(blank)
    assert [row["doc_id"] for row in staging.documents()] == sorted(kept, key=str.encode)
    assert staged.content_digest == naive_digest([(doc_id, doc_id, "{}") for doc_id in kept])


def test_the_order_of_rows_and_their_files_change_nothing(staging, tmp_path, write_jsonl):
    rows = [{"id": f"é{n}", "text": f"text {n}", "n": n} for n in range(500)]
    found = set()
    for seed, files in ((0, 1), (1, 1), (2, 3), (3, 7)):
        shuffled = random.Random(seed).sample(rows, len(rows))
        folder = tmp_path / f"corpus-{seed}"
        folder.mkdir()
        for part in range(files):
            write_jsonl(folder / f"{part}.jsonl", shuffled[part::files])
        found.add(staging(path=folder.name, metadata=["n"]).content_digest)
    assert len(found) == 1


def test_the_files_have_the_agreed_columns_and_small_row_groups(staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": n, "text": f"t{n}"} for n in range(20_000)] + [{"id": "x"}])
    staged = staging(path="a.jsonl")
    documents = pq.ParquetFile(staging.out / "documents.parquet")
    assert documents.schema_arrow.equals(DOCUMENTS)
    assert pq.read_schema(staging.out / "quarantine.parquet").equals(QUARANTINE)
    assert max(documents.metadata.row_group(n).num_rows for n in range(documents.num_row_groups)) <= 16384
    assert Staged.load(staging.out) == staged
    assert {entry.name for entry in staging.out.iterdir()} == {
        "documents.parquet",
        "quarantine.parquet",
        "rows.arrow",
        "staged.json",
    }
    assert content_digest([staging.out / "documents.parquet"]) == staged.content_digest


def test_the_digest_of_parts_is_that_of_the_whole(staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": n, "text": f"t{n}"} for n in range(1000)])
    staged = staging(path="a.jsonl")
    table = pq.read_table(staging.out / "documents.parquet")
    pq.write_table(table.slice(300), tmp_path / "1.parquet")
    pq.write_table(table.slice(0, 300), tmp_path / "2.parquet")
    assert content_digest([tmp_path / "1.parquet", tmp_path / "2.parquet"]) == staged.content_digest


def test_equal_rows_collapse_and_integers_are_ids_in_decimal(staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": 7, "text": "t"}, {"id": "7", "text": "t"}, {"id": 10**25, "text": "u"}])
    staged = staging(path="a.jsonl")
    assert (staged.documents, staged.duplicates) == (2, 1)
    assert set(staging.texts()) == {"7", str(10**25)}


CONFLICT = [
    {"id": "a", "text": "one", "at": 3, "m": "x"},
    {"id": "a", "text": "two", "at": 9, "m": "x"},
    {"id": "b", "text": "same", "at": 1, "m": "x"},
    {"id": "a", "text": "three", "at": None, "m": "x"},
    {"id": "b", "text": "same", "at": 2, "m": "x"},
]


def test_a_conflicting_id_is_refused_with_both_places(staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", CONFLICT[:1])
    write_jsonl(tmp_path / "b.jsonl", CONFLICT[1:3])
    with pytest.raises(SourceError, match="two rows have the id 'a' and different texts") as caught:
        staging(path="*.jsonl")
    assert caught.value.where == "a.jsonl, row 1; b.jsonl, row 1"
    write_jsonl(tmp_path / "b.jsonl", [{**CONFLICT[0], "m": "y"}])
    with pytest.raises(SourceError, match="'a' and different metadata"):
        staging(path="*.jsonl", metadata=["m"])
    assert staging(path="*.jsonl").duplicates == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"duplicates": "first"}, "one"),
        ({"duplicates": "last"}, "three"),
        ({"duplicates": "first", "order_by": "at"}, "one"),
        ({"duplicates": "last", "order_by": "at"}, "two"),
    ],
)
def test_the_declared_rule_keeps_one_of_the_conflicting_rows(rule, text, staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", CONFLICT)
    staged = staging(path="a.jsonl", **rule)
    assert (staged.documents, staged.duplicates) == (2, 3)
    assert staging.texts() == {"a": text, "b": "same"}


@pytest.mark.parametrize(
    "values",
    [
        ["2020-01-01", "2021-01-01", "2019-01-01"],
        [2**53, 2**53 + 1, 2**53 - 1],
        [0.5, 2, 0.25],
        [-1, 5, None],
    ],
)
def test_order_by_takes_text_large_integers_and_mixed_numbers(values, staging, tmp_path, write_jsonl):
    rows = [{"id": "a", "text": f"t{n}", "at": value} for n, value in enumerate(values)]
    for shuffled in (rows, rows[::-1], rows[1:] + rows[:1]):
        write_jsonl(tmp_path / "a.jsonl", shuffled)
        staging(path="a.jsonl", duplicates="last", order_by="at")
        assert staging.texts() == {"a": "t1"}


def test_order_by_takes_times(staging, tmp_path):
    query = "SELECT 'a' AS id, 't' || n AS text, TIMESTAMP '2020-01-01' + n * INTERVAL 1 HOUR AS at FROM range(5) r(n)"
    staging(sql=query, duplicates="last", order_by="at")
    assert staging.texts() == {"a": "t4"}
    staging(sql=query, duplicates="first", order_by="at")
    assert staging.texts() == {"a": "t0"}


def test_order_by_takes_unsigned_integers(staging, tmp_path):
    ends = pa.array([2**64 - 1, 2**63 - 1, 2**63 - 2], pa.uint64())
    pq.write_table(pa.table({"id": ["a", "b", "b"], "text": ["t", "u", "v"], "at": ends}), tmp_path / "a.parquet")
    staging(path="a.parquet", duplicates="last", order_by="at")
    assert staging.texts() == {"a": "t", "b": "u"}


def test_texts_of_many_buckets_come_out_in_order(staging, tmp_path, naive_digest):
    rows = [(f"{n * 7919 % 10_007:05d}", f"{n} " * 100) for n in range(10_000)]
    pq.write_table(pa.table({"id": [row[0] for row in rows], "text": [row[1] for row in rows]}), tmp_path / "a.parquet")
    staged = staging(path="a.parquet", memory="40MB")
    assert [(row["doc_id"], row["text"]) for row in staging.documents()] == sorted(rows)
    assert staged.content_digest == naive_digest([(*row, "{}") for row in rows])


def test_metadata_nested_too_deep_spoils_only_its_row(staging, tmp_path):
    deep = "[" * 300 + "]" * 300
    (tmp_path / "a.jsonl").write_text(f'{{"id": 1, "text": "t", "m": {deep}}}\n{{"id": 2, "text": "t", "m": [[1]]}}\n')
    staged = staging(path="a.jsonl", metadata=["m"])
    assert (staged.documents, staged.reasons) == (1, {"wrong-type": 1})
    staged = staging(path="a.jsonl")
    assert staged.documents == 2


def test_normalised_texts_that_become_empty_are_quarantined(staging, tmp_path, write_jsonl):
    write_jsonl(
        tmp_path / "a.jsonl",
        [{"id": 1, "text": " a "}, {"id": 2, "text": "b"}, {"id": 3, "text": "\ufdfa" * 3}],
    )
    staged = staging(path="a.jsonl", normalise={"unicode": "NFKC", "strip": True}, max_bytes=20)
    assert staging.texts() == {"1": "a", "2": "b"}
    assert staged.reasons == {"too-long": 1}
    assert staging.quarantine()[0]["detail"] == "the normalised text has over max_bytes = 20 bytes"


def test_a_row_is_quarantined_for_each_reason_with_its_id_and_place(staging, tmp_path):
    lines = [
        '{"id": "ok", "text": "fine"}',
        '{"id": "a", "text": null}',
        '{"id": "b", "text": 12}',
        '{"text": "no id"}',
        '{"id": 1.5, "text": "x"}',
        "not json",
        '{"id": "c", "text": "\\ud800"}',
        '{"id": "d"}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    staged = staging(path="a.jsonl")
    assert staged.rows_read == 8
    found = {row["row"]: (row["doc_id"], row["reason"]) for row in staging.quarantine()}
    assert found == {
        2: ("a", "null"),
        3: ("b", "wrong-type"),
        4: (None, "missing-id"),
        5: (None, "wrong-type"),
        6: (None, "malformed"),
        7: ("c", "surrogate"),
        8: ("d", "null"),
    }
    assert {row["file"] for row in staging.quarantine()} == {"a.jsonl"}


def test_sums_that_do_not_add_up_are_refused():
    sums = {"texts": 5, "quarantined": 3, "reasons": {"null": 3}, "duplicates": 1, "content_digest": "", "files": ()}
    with pytest.raises(IntegrityError, match="10 rows were read, 9 are accounted for"):
        Staged(10, 5, 5, **sums).check()
    with pytest.raises(IntegrityError, match="6 documents are staged, 0 of them carried over, and 5 are tonight's"):
        Staged(9, 5, 6, **sums).check()
    with pytest.raises(IntegrityError, match="9 documents are staged, 2 of them carried over, and 8 are tonight's"):
        Staged(9, 5, 9, **sums, carried=2, chunks=8).check()


class _Heard:
    def __init__(self):
        self.events = []

    def start(self, step, total=None):
        self.events.append(("start", step, total))

    def advance(self, step, amount=1, *, tokens=0):
        self.events.append(("advance", step, amount))

    def finish(self, step):
        self.events.append(("finish", step, None))


def test_progress_hears_of_every_row(tmp_path, write_jsonl):
    from sphering.config.model import Config
    from sphering.source import stage

    write_jsonl(tmp_path / "a.jsonl", [{"id": n, "text": "t"} for n in range(5000)])
    heard = _Heard()
    stage(Config(corpus="t", source={"path": "a.jsonl"}), tmp_path / "out", heard, base=tmp_path)
    assert sum(amount for event, step, amount in heard.events if event == "advance" and step == "read") == 5000
    assert [event for event in heard.events if event[0] != "advance"] == [
        ("start", "read", None),
        ("finish", "read", None),
        ("start", "sort", 5000),
        ("finish", "sort", None),
    ]
