import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sphering.config.model import NormaliseConfig
from sphering.text.normalise import changes, is_blank, normalise

# Characters that this Python's Unicode tables know: Arrow's are newer, and may compose what these do not.
ASSIGNED = st.text(st.characters(exclude_categories=("Cs", "Cn", "Co")))


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
@settings(deadline=None)
@given(texts=st.lists(ASSIGNED))
def test_the_forms_are_those_of_the_standard_library(form, texts):
    config = NormaliseConfig(unicode=form)
    found = normalise(pa.array(texts, pa.string()), config).to_pylist()
    assert found == [unicodedata.normalize(form, text) for text in texts]


@settings(deadline=None)
@given(texts=st.lists(ASSIGNED))
def test_strip_removes_what_python_calls_white_space(texts):
    found = normalise(pa.array(texts, pa.string()), NormaliseConfig(strip=True)).to_pylist()
    assert found == [text.strip() for text in texts]


@settings(deadline=None)
@given(texts=st.lists(st.text(st.sampled_from("a \t\n\x0b\x0c\r\x1c\x1f\x85\xa0\u1680\u2003\u200b\u2028\u3000\ufeff"))))
def test_blank_is_what_strips_to_nothing(texts):
    assert is_blank(pa.array(texts, pa.string())).to_pylist() == [not text.strip() for text in texts]


def test_off_means_untouched():
    texts = pa.array([" Tie\u0302\u0301ng ", "\ufb01", None])
    assert not changes(NormaliseConfig())
    assert normalise(texts, NormaliseConfig()).equals(texts)


def test_the_form_comes_before_stripping():
    config = NormaliseConfig(unicode="NFKC", strip=True)
    assert normalise(pa.array(["\u00a8 x"]), config).to_pylist() == ["\u0308 x"]
    assert normalise(pa.array(["\ufdfax"]), NormaliseConfig(unicode="NFKC")).to_pylist() == [
        unicodedata.normalize("NFKC", "\ufdfax")
    ]
