"""A text is cut at the border of a sentence near its middle, in any script, and no sentence is cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sphering.text.sentences import halves, may_have_two


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("One. Two.", "One.", "Two."),
        ("A short one. A much, much longer sentence. End.", "A short one.", "A much, much longer sentence. End."),
        ('He said "Go!" Then he left.', 'He said "Go!"', "Then he left."),
        ("Is it so?\n\n  It is!  ", "Is it so?", "It is!"),
        ("Words, e.g. these. Other words stand here.", "Words, e.g. these.", "Other words stand here."),
        ("这是第一句。这是第二句。", "这是第一句。", "这是第二句。"),
        ("Câu thứ nhất. Ở đây là câu thứ hai.", "Câu thứ nhất.", "Ở đây là câu thứ hai."),
    ],
)
def test_the_cut_is_the_border_nearest_to_the_middle(text, first, second):
    assert halves(text) == (first, second)


@pytest.mark.parametrize(
    "text", ["", "One sentence.", "no mark at all", "version 3.11.2", "e.g. this one", "Hm... ?! ..."]
)
def test_a_text_without_a_second_sentence_is_not_cut(text):
    assert halves(text) is None


@example("1。 ”1")
@given(st.text(alphabet="aB1 .!?\n\"')…。！”", max_size=40))
def test_no_letter_is_lost_and_the_quick_look_leaves_out_no_text_that_can_be_cut(text):
    found = halves(text)
    if found is not None:
        assert "".join("".join(found).split()) == "".join(text.split())
        assert may_have_two(pa.array([text])).to_pylist() == [True]


def test_a_text_that_is_not_kept_has_no_halves():
    assert may_have_two(pa.array([None, "One. Two."])).to_pylist() == [False, True]
