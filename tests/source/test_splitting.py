"""Lines and array elements, whatever the size of the blocks they come in."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.source import array_splitting, splitting
from sphering.source.array_splitting import elements
from sphering.source.splitting import pieces, split

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\,[]{}\n é😀'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\]', max_size=2), inner, max_size=3),
    max_leaves=8,
)


class _Trickle(io.BytesIO):
    """Gives a few bytes at a time, however many are asked for."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def read(self, count=-1):
        return super().read(self.size)


@settings(deadline=None)
@given(
    values=st.lists(VALUES, max_size=8),
    size=st.integers(1, 40),
    indent=st.none() | st.just(1),
    escape=st.booleans(),
)
def test_elements_are_found_whatever_the_blocks(values, size, indent, escape):
    data = b" \n" + json.dumps(values, indent=indent, ensure_ascii=escape).encode() + b"\n"
    numbers, found = [], []
    for part in elements(_Trickle(data, size), 10_000, "x"):
        assert not part.over
        numbers += range(part.first, part.first + len(part.values))
        found += [json.loads(value) for value in part.values.to_pylist()]
    assert found == values
    assert numbers == list(range(1, len(values) + 1))


@settings(deadline=None)
@given(size=st.integers(1, 40), lengths=st.lists(st.integers(0, 60), max_size=8))
def test_elements_over_the_limit_come_apart(size, lengths):
    values = ["x" * length for length in lengths]
    seen = []
    for part in elements(_Trickle(json.dumps(values).encode(), size), 25, "x"):
        if part.over:
            assert len(part.values[0].as_py()) <= splitting.EXCERPT_BYTES
            seen.append((part.first, None))
        else:
            seen += [(part.first + n, json.loads(value)) for n, value in enumerate(part.values.to_pylist())]
    assert [number for number, _ in seen] == list(range(1, len(values) + 1))
    for (_, found), value in zip(seen, values, strict=True):
        assert found == value or (found is None and len(value) + 4 > 25)


@settings(deadline=None)
@given(
    lines=st.lists(
        st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"\rx")), max_size=10
    ),
    ends=st.sampled_from([b"\n", b"\r\n"]),
    size=st.integers(1, 50),
    last=st.booleans(),
    bom=st.booleans(),
)
def test_lines_are_found_whatever_the_blocks(lines, ends, size, last, bom):
    data = b"".join(line + ends for line in lines) + (b"unended" if last else b"")
    data = splitting.BOM * bom + data if size > 3 else data
    found = []
    for piece in pieces(_Trickle(data, size), 10_000):
        values, numbers = split(piece)
        assert len(values) == piece.lines
        found += zip(numbers.tolist(), values.to_pylist(), strict=True)
    expected = [*lines, b"unended"] if last else lines
    if not (bom and size > 3) and expected:
        expected = [expected[0].removeprefix(splitting.BOM), *expected[1:]] if size > 3 else expected
    assert found == list(enumerate(expected, 1))


@settings(deadline=None)
@given(size=st.integers(1, 50), lengths=st.lists(st.integers(0, 60), max_size=8))
def test_lines_over_the_limit_come_apart_with_their_numbers(size, lengths):
    lines = [b"x" * length for length in lengths]
    seen = {}
    for piece in pieces(_Trickle(b"".join(line + b"\n" for line in lines), size), 25):
        if piece.over:
            seen[piece.first] = None
        else:
            values, numbers = split(piece)
            seen |= dict(zip(numbers.tolist(), values.to_pylist(), strict=True))
    assert sorted(seen) == list(range(1, len(lines) + 1))
    for number, line in enumerate(lines, 1):
        assert seen[number] == line or (seen[number] is None and len(line) + 1 > 25)


@pytest.mark.parametrize("count", range(6))
def test_backslashes_across_blocks_escape_as_in_one(count):
    values = ["\\" * count + '"', "\\" * count, 'a"\\"b,]']
    data = json.dumps(values).encode()
    for size in range(1, len(data)):
        found = [json.loads(v) for part in elements(_Trickle(data, size), 1000, "x") for v in part.values.to_pylist()]
        assert found == values


def test_a_structure_starts_outside_of_everything():
    structure = array_splitting.Structure()
    import numpy as np

    commas, end = structure.boundaries(np.frombuffer(b'[1,{"a":[2,3]},"x,]"]', np.uint8))
    assert (commas.tolist(), end) == ([2, 14], 20)
