"""CSV as it is met: quoted newlines, CRLF, stray quotes, ragged rows, bad bytes."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sphering.errors import SourceError

TEXTS = st.text(st.sampled_from('ab,"\n\r é'), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=10), ends=st.sampled_from(["\n", "\r\n"]))
def test_what_the_csv_module_writes_is_read_back(texts, ends, staging, tmp_path):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=ends, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "text", "n"], *([f"d{n}", text, n] for n, text in enumerate(texts))])
    (tmp_path / "a.csv").write_bytes(out.getvalue().encode())
    staged = staging(path="a.csv", metadata=["n"])
    assert staging.texts() == {f"d{n}": text for n, text in enumerate(texts) if text.strip()}
    assert staged.reasons.get("empty", 0) == staged.quarantined


def _stage(staging, tmp_path, data, name="a.csv", **source):
    (tmp_path / name).write_bytes(data)
    return staging(path=name, **source)


def test_quoted_newlines_keep_their_form_and_rows_their_lines(staging, tmp_path):
    data = b'id,text\r\n1,"a\r\nb\nc"\r\n\r\n2,x,too many\r\n3,ok\r\n4\r\n'
    staged = _stage(staging, tmp_path, data)
    assert staging.texts() == {"1": "a\r\nb\nc", "3": "ok"}
    assert staging.reasons() == [(6, "malformed"), (8, "malformed")]
    assert staging.quarantine()[0]["detail"] == "the row has 3 fields, the header 2"
    assert staged.rows_read == 4


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (b'2,"text" after the quote', "',' expected after '\"'"),
        (b'2,"never closed', "a quote is opened and never closed"),
    ],
)
def test_a_bad_quote_spoils_only_its_line(bad, detail, staging, tmp_path):
    rows = b"".join(b"%d,fine\n" % n for n in range(10, 40))
    staged = _stage(staging, tmp_path, b"id,text\n1,first\n" + bad + b"\n" + rows)
    assert staged.reasons == {"malformed": 1}
    assert staged.documents == 31
    (row,) = staging.quarantine()
    assert row["row"] == 3
    assert detail in row["detail"]
    assert row["excerpt"].startswith(bad.decode())


def test_a_quote_that_is_never_closed_is_bounded_by_the_longest_row(staging, tmp_path):
    rows = b"".join(b"%d,%s\n" % (n, b"word " * 20) for n in range(30_000))
    staged = _stage(staging, tmp_path, b'id,text\nx,"open\n' + rows, max_bytes=1000)
    assert (staged.documents, staged.reasons) == (30_000, {"malformed": 1})


def test_a_line_over_the_longest_row_is_quarantined_alone(staging, tmp_path):
    long = b"2," + b"x" * 3_000_000
    staged = _stage(staging, tmp_path, b"id,text\n1,first\n" + long + b"\n3,third\n", max_bytes=1000)
    assert staged.reasons == {"too-long": 1}
    assert staging.texts() == {"1": "first", "3": "third"}
    assert staging.reasons() == [(3, "too-long")]


def test_bad_bytes_in_unused_columns_do_not_matter(staging, tmp_path):
    staged = _stage(staging, tmp_path, b"junk,id,text\n\xff\0,1,a\n\xfe,2,b\xff\n,3\xff,c\n")
    assert staging.texts() == {"1": "a"}
    assert staged.reasons == {"invalid-utf8": 2}
    assert {row["doc_id"] for row in staging.quarantine()} == {"2", r"3\xff"}


def test_empty_fields_are_nulls_in_metadata(staging, tmp_path):
    _stage(staging, tmp_path, b"id,text,a,b\n1,t,,x\n2,u,y,\n3,v,,\n", metadata=["a", "b"])
    assert [row["metadata"] for row in staging.documents()] == ['{"b":"x"}', '{"a":"y"}', "{}"]


def test_tabs_split_tsv_and_a_byte_order_mark_is_no_part_of_the_header(staging, tmp_path):
    _stage(staging, tmp_path, b"\xef\xbb\xbfid\ttext\n1\ta,b\n", "a.tsv")
    assert staging.texts() == {"1": "a,b"}


def test_a_column_that_is_there_twice_is_refused(staging, tmp_path):
    with pytest.raises(SourceError, match="the column 'text' is there 2 times"):
        _stage(staging, tmp_path, b"id,text,text\n1,a,b\n")


def test_long_fields_are_no_limit_of_the_parser(staging, tmp_path):
    staged = _stage(staging, tmp_path, b'id,text\n1,"' + b"long\n" * 150_000 + b'"\n2,b\n')
    assert staged.documents == 2
    assert len(staging.texts()["1"]) == 750_000


def test_a_file_of_bad_lines_is_quarantined_line_by_line(staging, tmp_path):
    """Its parts are parsed again from each bad line on: the cost must not be that of all lines that follow it."""
    lines = [b'%d,"a"b' % n if n % 4 else b'%d,"fine\n%d"' % (n, n) for n in range(100_000)]
    staged = _stage(staging, tmp_path, b"id,text\n" + b"\n".join(lines) + b"\n")
    assert staged.reasons == {"malformed": 75_000}
    assert staged.documents == 25_000
    first = 2  # the header is the first line
    expected = []
    for n in range(100_000):
        expected += [first] if n % 4 else []
        first += 1 if n % 4 else 2
    assert [row for row, _ in staging.reasons()] == expected
