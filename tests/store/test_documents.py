"""A stored JSON document reads as what was written, whatever is in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sphering.errors import IntegrityError
from sphering.identity import SEAL, seal
from sphering.store.documents import create_document, read_document, to_bytes
from sphering.store.local_files import LocalFiles

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text().filter(lambda name: name != SEAL), VALUES, max_size=5)


@given(DOCUMENTS)
def test_a_document_is_the_json_that_was_written(document):
    stored = json.loads(to_bytes(document))
    assert {name: value for name, value in stored.items() if name != SEAL} == document


def test_a_document_has_a_line_for_each_name_and_a_list_on_its_line(tmp_path):
    files = LocalFiles(tmp_path)
    create_document(files, "it.json", {"counts": [1, 2, 3], "of": {"b": {}, "a": "x"}})
    lines = files.read("it.json").decode().splitlines()
    assert lines[:5] == ["{", ' "counts": [1,2,3],', ' "of": {', '  "a": "x",', '  "b": {}']
    assert read_document(files, "it.json") == {"counts": [1, 2, 3], "of": {"b": {}, "a": "x"}}


def test_every_flipped_bit_is_noticed_also_in_a_digit_beyond_a_numbers_own(tmp_path):
    files = LocalFiles(tmp_path)
    create_document(files, "it.json", {"counts": [1, 2], "mean": 0.30000000000000004, "of": {"a": "x"}})
    path, data = files.path("it.json"), files.read("it.json")
    for position in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.raises(IntegrityError):
                read_document(files, "it.json")


@pytest.mark.parametrize(
    ("written", "edited"),
    [(b"1e-06", b"1e906"), (b"1e-06", b"NaN"), (b'"x"', b'"\\ud800"')],
    ids=["inf", "nan", "half"],
)
def test_a_value_that_json_cannot_hold_is_damage_with_a_name(written, edited, tmp_path):
    files = LocalFiles(tmp_path)
    create_document(files, "it.json", {"max_drift": 1e-06, "of": "x"})
    path = files.path("it.json")
    path.write_bytes(path.read_bytes().replace(written, edited))
    with pytest.raises(IntegrityError) as raised:
        read_document(files, "it.json")
    assert raised.value.where == str(path)


def _naive(value, indent=""):
    """A member a line, each of them encoded by itself."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    inner = f"{indent} "
    members = [f"{inner}{json.dumps(name, ensure_ascii=False)}: {_naive(value[name], inner)}" for name in sorted(value)]
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


@given(DOCUMENTS)
def test_members_that_are_written_at_once_are_written_as_each_by_itself(document):
    assert to_bytes(document) == _naive(seal(document)).encode() + b"\n"
