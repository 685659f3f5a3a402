"""A DuckDB query as the source."""

import gzip
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.errors import SourceError, StorageError


def test_relative_paths_in_sql_are_relative_to_the_configuration(staging, data, tmp_path):
    staged = staging(sql="SELECT _id AS id, text, lang FROM 'xquad/sample.parquet'", labels=["lang"], base=data)
    assert (staged.documents, staged.files) == (120, ())
    files = staging(path="xquad/sample.parquet", id="_id", labels=["lang"], base=data)
    assert files.content_digest == staged.content_digest


def test_only_wanted_columns_are_computed(staging):
    staged = staging(sql="SELECT n AS id, 't' || n AS text, error('not wanted') AS x FROM range(10) r(n) -- a comment;")
    assert staged.documents == 10


def test_every_kind_of_value_has_a_canonical_form(staging):
    staging(
        sql="""
        SELECT 1::HUGEINT AS id, 'text' AS text, 1.50::DECIMAL(5, 2) AS a, DATE '2020-02-29' AS b,
            TIMESTAMPTZ '2020-01-01 02:00:00+02' AS c, {'y': 1, 'x': NULL} AS d, [1, NULL] AS e,
            MAP {'k': 1.5::DOUBLE} AS f, '\\xAA'::BLOB AS g, TRUE AS h,
            'x'::ENUM ('x', 'y') AS i, NULL AS j, TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS k,
            uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' AS l
        """,
        metadata=list("abcdefghijkl"),
    )
    (row,) = staging.documents()
    assert row["doc_id"] == "1"
    assert row["metadata"] == (
        '{"a":1.5,"b":"2020-02-29","c":"2020-01-01T00:00:00.000000Z","d":{"y":1},"e":[1,null],"f":{"k":1.5},"g":"aa",'
        '"h":true,"i":"x","k":"2020-01-01T00:00:00.123456Z","l":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}'
    )


def test_bad_rows_of_a_query_are_quarantined_without_a_place(staging):
    staged = staging(sql="SELECT * FROM (VALUES ('a', 'x'), ('b', NULL), (NULL, 'y'), ('c', chr(0))) r(id, text)")
    assert staged.reasons == {"missing-id": 1, "nul": 1, "null": 1}
    assert {(row["file"], row["row"]) for row in staging.quarantine()} == {(None, None)}
    assert {row["doc_id"] for row in staging.quarantine()} == {"b", "c", None}


def test_a_conflict_in_a_query_is_shown_by_its_texts(staging):
    with pytest.raises(SourceError, match="different texts") as caught:
        staging(sql="SELECT 'a' AS id, 'text ' || n AS text FROM range(2) r(n)")
    assert "'text 0'" in caught.value.where
    assert "'text 1'" in caught.value.where


def test_parquet_types_of_strings_are_all_read(staging, tmp_path):
    texts = ["one", "two", None, "three"]
    kinds = [
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
    ]
    found = set()
    for kind in kinds:
        column = (
            pa.array(texts, pa.string()).cast(kind)
            if not pa.types.is_dictionary(kind)
            else pa.array(texts).dictionary_encode()
        )
        pq.write_table(pa.table({"id": [1, 2, 3, 4], "text": column}), tmp_path / "a.parquet")
        staged = staging(path="a.parquet")
        assert staged.reasons == {"null": 1}
        found.add(staged.content_digest)
    assert len(found) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1 AS id, 'text' AS text) TO 'written.csv'",
        "SELECT 1 AS id, 'text' AS text; COPY (SELECT 1) TO 'written.csv'",
        "ATTACH 'written.duckdb'",
        "CREATE TABLE x (a INTEGER)",
        "",
    ],
)
def test_anything_but_one_select_is_refused_and_not_executed(sql, staging, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match="was given") as caught:
        staging(sql=sql)
    assert caught.value.expected == "one SELECT"
    assert not list(tmp_path.glob("written*"))


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder to stand in, with files of the names that the configuration's folder has; both folders."""
    here, there = tmp_path / "configured", tmp_path / "current"
    for folder, text in ((here, "right"), (there, "wrong")):
        folder.mkdir()
        (folder / "d.csv").write_text(f"id,text\n1,{text}\n")
        with gzip.open(folder / "z.csv.gz", "wt") as stream:
            stream.write(f"id,text\n1,{text}\n")
        pq.write_table(pa.table({"id": [1], "text": [text]}), folder / "d.parquet")
    monkeypatch.chdir(there)
    return here, there


@pytest.mark.parametrize(
    "sql",
    [
        "FROM 'd.csv'",
        "FROM './d.csv'",
        "FROM 'z.csv.gz'",
        "SELECT id, text FROM read_parquet('d' || '.parquet')",
        "SELECT 1 AS id, content AS text FROM read_text('d.csv')",
        "SELECT 1 AS id, (SELECT max(text) FROM 'd.csv') AS text",
        "FROM read_csv(['only.csv', 'd.csv'], columns = {'id': 'INT', 'text': 'VARCHAR'}, header = true)",
    ],
)
def test_a_file_of_the_current_folder_is_never_taken_for_one_of_the_configuration(sql, elsewhere, staging):
    configured, current = elsewhere
    (configured / "only.csv").write_text("id,text\n2,right\n")
    with pytest.raises(SourceError, match=re.escape(str(current))) as caught:
        staging(sql=sql, base=configured)
    assert str(configured) in caught.value.expected
    for path in current.iterdir():
        path.unlink()
    staging(sql=sql, base=configured)
    assert all("right" in row["text"] for row in staging.documents())


def test_absolute_paths_and_the_configuration_s_own_folder_as_current_are_sound(elsewhere, staging):
    configured, current = elsewhere
    staging(sql=f"FROM '{current}/d.csv'", base=configured)
    assert staging.texts() == {"1": "wrong"}
    staging(sql="FROM 'd.csv'", base=current)
    assert staging.texts() == {"1": "wrong"}


def test_a_query_that_needs_more_memory_than_the_run_may_take_says_what_to_raise(staging):
    with pytest.raises(StorageError, match="the memory limit, 32MB, does not suffice") as caught:
        staging(sql="SELECT 'a' AS id, string_agg(md5(n::VARCHAR)) AS text FROM range(3000000) r(n)", memory="32MB")
    assert "raise memory under [run]" in caught.value.remedy


def test_a_query_whose_spilled_rows_fill_the_disk_says_what_to_do(staging, small_disk):
    small_disk.leave(4 << 20)
    sort = "SELECT n AS id, md5(n::VARCHAR) || md5((n + 1)::VARCHAR) AS text FROM range(3000000) r(n) ORDER BY text"
    with pytest.raises(StorageError, match="does not suffice") as caught:
        staging(sql=sort, memory="64MB", out=small_disk.root / "out")
    assert "free disk space" in caught.value.remedy
