"""Canonical JSON of metadata against a naive oracle that goes value by value."""

import datetime as dt
import hashlib
import json
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.errors import SourceError
from sphering.source.metadata import canonical_metadata, known_hashes

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
COLUMNS = {
    "string": (pa.string(), TEXTS),
    "large": (pa.large_string(), TEXTS),
    "view": (pa.string_view(), TEXTS),
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "unsigned": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "boolean": (pa.bool_(), st.booleans()),
    "float": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "binary": (pa.binary(), st.binary()),
    "fixed": (pa.binary(4), st.binary(min_size=4, max_size=4)),
    "moment": (
        pa.timestamp("us", tz="Asia/Ho_Chi_Minh"),
        st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
    ),
    "naive": (pa.timestamp("us"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))),
    "second": (
        pa.timestamp("s"),
        st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1)).map(lambda t: t.replace(microsecond=0)),
    ),
    "day": (pa.date32(), st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))),
    "time": (pa.time64("us"), st.times()),
    "lapse": (pa.duration("us"), st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000))),
    "decimal": (pa.decimal128(20, 2), st.decimals(-(10**12), 10**12, places=2)),
    "list": (pa.list_(pa.float64()), st.lists(st.none() | st.floats())),
    "struct": (
        pa.struct([("z", pa.int64()), ("a", pa.list_(pa.string())), ("t", pa.timestamp("us"))]),
        st.fixed_dictionaries(
            {
                "z": st.none() | st.integers(-9, 9),
                "a": st.none() | st.lists(TEXTS, max_size=2),
                "t": st.none() | st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
            }
        ),
    ),
}


def _plain(value):
    """Return the oracle's form of a Python value."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if _plain(item) is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else str(value).replace("inf", "Infinity") if math.isinf(value) else value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC) if value.tzinfo else value
        return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.strftime("%H:%M:%S.%f")
    if isinstance(value, dt.timedelta):
        return round(value.total_seconds() * 10**6)
    if isinstance(value, Decimal):
        return int(value) if value % 1 == 0 else float(str(value))
    return value


def _oracle(columns):
    rows = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    objects = ({name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows)
    return [
        json.dumps(
            {name: value for name, value in row.items() if value is not None},
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        for row in objects
    ]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_metadata_is_the_canonical_json_of_the_oracle(data):
    names = data.draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    rows = data.draw(st.integers(1, 8))
    columns = {}
    for name in names:
        kind, values = COLUMNS[name]
        columns[name] = pa.array(data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
    found = canonical_metadata(columns, rows)
    assert not found.refused
    assert found.json.to_pylist() == _oracle(columns)


@settings(deadline=None)
@given(values=st.lists(st.none() | TEXTS, max_size=20))
def test_dictionaries_say_what_their_values_say(values):
    column = pa.array(values, pa.string())
    plain = canonical_metadata({"a": column}, len(values)).json
    assert canonical_metadata({"a": column.dictionary_encode()}, len(values)).json.equals(plain)


def test_no_columns_give_an_empty_object():
    assert canonical_metadata({}, 3).json.to_pylist() == ["{}"] * 3


def test_maps_are_objects_and_nanoseconds_are_cut():
    maps = pa.array([[("b", 1), ("a", None)], []], pa.map_(pa.string(), pa.int64()))
    times = pa.array([1_600_000_000_123_456_789, None], pa.timestamp("ns"))
    found = canonical_metadata({"m": maps, "t": times}, 2).json.to_pylist()
    assert found == ['{"m":{"b":1},"t":"2020-09-13T12:26:40.123456Z"}', '{"m":{}}']
    nested = pa.StructArray.from_arrays([times], ["t"])
    found = canonical_metadata({"s": nested}, 2).json.to_pylist()
    assert found == ['{"s":{"t":"2020-09-13T12:26:40.123456Z"}}', '{"s":{}}']


def test_floats_are_the_shortest_that_read_back():
    values = [1.0, 0.1, 1e16, 1e22, 1e-7, -0.0, 5e-324, 2.0**53]
    found = canonical_metadata({"x": pa.array(values)}, len(values)).json.to_pylist()
    assert found == [f'{{"x":{value!r}}}' for value in values]
    assert json.loads(canonical_metadata({"x": pa.array(np.float32([0.1]))}, 1).json[0].as_py())["x"] == np.float32(0.1)


@pytest.mark.parametrize("nested", [False, True])
def test_metadata_that_is_no_utf8_refuses_its_row_alone(nested):
    column = pa.array([b"fine", b"\xff", None]).view(pa.string())
    if nested:
        column = pa.StructArray.from_arrays([column], ["s"])
    found = canonical_metadata({"a": column}, 3)
    assert found.refused == {1: ("invalid-utf8", "the column 'a' is no UTF-8")}
    assert found.json[0].as_py() == ('{"a":{"s":"fine"}}' if nested else '{"a":"fine"}')


def test_a_type_without_json_is_refused_by_name():
    column = pc.cast(pa.array([1]), pa.int64())
    intervals = pa.array([pa.MonthDayNano([1, 2, 3])], pa.month_day_nano_interval())
    with pytest.raises(SourceError, match="the column 'b' holds month_day_nano_interval"):
        canonical_metadata({"a": column, "b": intervals}, 1)


def test_json_and_parquet_agree_on_values_that_both_can_hold(staging, tmp_path, write_jsonl):
    rows = [
        {
            "id": str(n),
            "text": f"t{n}",
            "i": n,
            "f": n / 3,
            "b": n % 2 == 0,
            "s": 'q"\n',
            "l": [n, None],
            "o": {"y": n, "x": None},
        }
        for n in range(50)
    ]
    rows[7]["i"] = rows[8]["o"] = rows[9]["l"] = None
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write_jsonl(tmp_path / "a.jsonl", rows)
    columns = ["i", "f", "b", "s", "l", "o"]
    found = {staging(path=name, metadata=columns).content_digest for name in ("a.parquet", "a.jsonl")}
    assert len(found) == 1


def test_what_a_row_says_does_not_depend_on_its_neighbours(staging, tmp_path, write_jsonl):
    values = [1, 1.0, "1", True, [1], {"b": 1, "a": None}, 10**30, "\0", -0.0]
    rows = [{"id": str(n), "text": "t", "v": value} for n, value in enumerate(values)]
    write_jsonl(tmp_path / "all.jsonl", rows)
    staging(path="all.jsonl", metadata=["v"])
    together = {row["doc_id"]: row["metadata"] for row in staging.documents()}
    assert together["0"] == '{"v":1}'
    assert together["6"] == '{"v":' + str(10**30) + "}"
    for row in rows:
        write_jsonl(tmp_path / "one.jsonl", [row])
        staging(path="one.jsonl", metadata=["v"])
        assert staging.documents()[0]["metadata"] == together[row["id"]]


@given(values=st.lists(st.sampled_from(["{}", '{"a":1}', '{"ä":"\u20ac"}', '{"b":[]}']), max_size=30))
def test_hashes_known_early_are_those_of_the_objects_or_none(values):
    found = known_hashes(pa.array(values, pa.string())).to_pylist()
    assert found in ([hashlib.sha256(value.encode()).digest() for value in values], [None] * len(values))
    assert (found != [None] * len(values)) == (4 * len(set(values)) <= len(values) and bool(values))
