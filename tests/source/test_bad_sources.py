"""A source that cannot be read as configured: found, expected, where and what to do, and nothing left behind."""

import gzip
import hashlib
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.errors import SourceChangedError, SourceError


@pytest.fixture
def refused(staging):
    def refused(match, **source):
        with pytest.raises(SourceError, match=match) as caught:
            staging(**source)
        error = caught.value
        assert error.expected
        assert error.where
        assert error.remedy
        assert not (staging.out / "documents.parquet").exists() or not (staging.out / "staged.json").exists()
        assert not [entry for entry in staging.out.glob("scratch-*")]
        return error

    return refused


def test_a_missing_file_is_named_with_the_nearest(refused, tmp_path):
    (tmp_path / "corpus.jsonl").touch()
    error = refused("no file or folder 'corpsu.jsonl'", path="corpsu.jsonl")
    assert "'corpus.jsonl' is there" in error.remedy
    assert error.where == str(tmp_path / "corpsu.jsonl")


def test_a_glob_or_a_folder_without_files_is_refused(refused, tmp_path):
    refused(r"no file matches 'x/\*\*/\*\.csv'", path="x/**/*.csv")
    (tmp_path / "empty").mkdir()
    refused("the source has no files", path="empty")
    (tmp_path / "empty/a.md").touch()
    refused("no file of the format csv", path="empty", format="csv")
    refused("the source has no files", path=[])


def test_a_format_that_cannot_be_told_is_refused_with_the_choice(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("a\n")
    error = refused("the format of 'notes.txt' cannot be told", path="notes.txt")
    assert "lines or text" in error.remedy
    (tmp_path / "data.bin").write_text("a\n")
    refused("the format of 'data.bin' cannot be told", path="data.bin")


def test_mixed_formats_are_refused_by_example(refused, tmp_path):
    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed/a.csv").write_text("id,text\n")
    (tmp_path / "mixed/b.jsonl.gz").write_bytes(gzip.compress(b""))
    refused("mixes formats: a.csv is csv, b.jsonl.gz is jsonl", path="mixed")


def test_columns_of_no_record_are_missing_and_of_some_records_are_not(refused, staging, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "text": "t", "lang": "en"}, {"id": 2, "text": "u"}])
    assert staging(path="a.jsonl", labels=["lang"]).documents == 2
    error = refused("no column 'langs'", path="a.jsonl", labels=["langs"])
    assert error.where == "a.jsonl"
    assert error.expected == "one of the columns 'id', 'lang', 'text'"
    assert error.remedy.endswith("did you mean 'lang'?")
    refused("no column 'body'", path="a.jsonl", text="body")
    refused("no column 'key'", path="a.jsonl", id="key")


def test_a_column_that_holds_no_text_is_refused(refused, tmp_path):
    pq.write_table(pa.table({"id": [1.0], "text": ["t"], "n": [1]}), tmp_path / "a.parquet")
    refused("the column 'n' holds int64", path="a.parquet", id="text", text="n")
    refused("the column 'id' holds double", path="a.parquet")


def test_an_unreadable_file_is_refused_by_name(refused, tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    (tmp_path / "a.jsonl").chmod(0)
    if os.access(tmp_path / "a.jsonl", os.R_OK):
        pytest.skip("this user may read everything")
    refused("cannot be read: Permission denied", path="a.jsonl")


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.csv.zst", "a.parquet.gz"])
def test_rubbish_under_a_known_name_is_refused(name, refused, tmp_path):
    (tmp_path / name).write_bytes(b"PAR1 this is nothing of the kind PAR1" * 20)
    error = refused("the file cannot be read", path=name)
    assert error.where == name


def test_an_empty_compressed_file_is_refused(refused, tmp_path):
    (tmp_path / "a.jsonl.gz").touch()
    refused("the compressed file is empty", path="a.jsonl.gz")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('{"id": 1}', "begins with '{'"),
        ('[{"id": 1, "text": "a"}', "not closed"),
        ('[{"id": 1, "text": "a"}] x', "'x' follows the end"),
        ('[{"id": 1, "text": "a}]', "not closed"),
    ],
)
def test_a_json_file_that_is_no_array_is_refused(text, match, refused, tmp_path):
    (tmp_path / "a.json").write_text(text)
    refused(match, path="a.json")


@pytest.mark.parametrize(
    ("query", "match"),
    [
        ("SELEC 1", "(?i)syntax error"),
        ("SELECT * FROM 'nowhere.parquet'", "nowhere.parquet"),
        ("SELECT 'a' AS id, CAST('x' AS INTEGER) AS text", "(?i)could not convert|holds int32"),
        (
            "SELECT n AS id, CASE WHEN n > 5000 THEN error('boom') ELSE 't' END AS text FROM range(9000) r(n)",
            "boom",
        ),
        ("SELECT 'a' AS id", "no column 'text'"),
    ],
)
def test_an_error_in_sql_is_refused_with_duckdbs_words(query, match, refused):
    error = refused(match, sql=query)
    assert error.where == "[source] sql"


def test_a_query_without_an_order_cannot_keep_the_first(refused):
    refused("rows of a query have no order", sql="SELECT 1", duplicates="first")


def test_order_by_needs_values_with_an_order(refused, tmp_path, write_jsonl):
    write_jsonl(tmp_path / "a.jsonl", [{"id": 1, "text": "t", "at": [1]}])
    refused("which has no order", path="a.jsonl", duplicates="last", order_by="at")


def test_a_file_that_grows_while_it_is_read_fails_the_run(staging, tmp_path, monkeypatch):
    from sphering.source.read_lines import LinesReader

    (tmp_path / "a.lines").write_text("one\n")
    blocks = LinesReader.blocks

    def meanwhile(self, file, layout):
        yield from blocks(self, file, layout)
        with (tmp_path / "a.lines").open("a") as stream:
            stream.write("two\n")

    monkeypatch.setattr(LinesReader, "blocks", meanwhile)
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        staging(path="a.lines")


def test_what_is_recorded_of_a_table_is_of_the_bytes_that_were_read(staging, tmp_path, monkeypatch):
    from sphering.source.read_parquet import ParquetReader

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1], "text": ["the first"]}), path)
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    blocks = ParquetReader.blocks

    def replaced(self, file, layout):
        pq.write_table(pa.table({"id": [1], "text": ["the second"]}), tmp_path / "new")
        (tmp_path / "new").rename(path)
        yield from blocks(self, file, layout)

    monkeypatch.setattr(ParquetReader, "blocks", replaced)
    staged = staging(path="a.parquet")
    assert [(file.sha256, staging.texts()) for file in staged.files] == [(first, {"1": "the first"})]


def test_a_table_that_is_written_to_while_it_is_read_fails_the_run(staging, tmp_path, monkeypatch):
    from sphering.source.read_parquet import ParquetReader

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1], "text": ["t"]}), path)
    blocks = ParquetReader.blocks

    def meanwhile(self, file, layout):
        yield from blocks(self, file, layout)
        with path.open("ab") as stream:
            stream.write(b"more")

    monkeypatch.setattr(ParquetReader, "blocks", meanwhile)
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        staging(path="a.parquet")
