"""Which bytes cannot be text, against a look at each value."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sphering.source.unsound import has_nul, invalid_utf8

VALUES = st.lists(st.none() | st.sampled_from([b"", b"a", b"\0", b"ab\0", "ä€".encode(), b"\xff", b"\xed\xa0\x80"]))


def is_text(value):
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(values=VALUES, start=st.integers(0, 5))
def test_masks_are_those_of_each_value(values, start):
    part, rest = pa.array(values, pa.binary())[start:], values[start:]
    assert has_nul(part).tolist() == [value is not None and b"\0" in value for value in rest]
    assert invalid_utf8(part).tolist() == [value is not None and not is_text(value) for value in rest]
