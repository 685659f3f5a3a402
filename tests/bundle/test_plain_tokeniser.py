"""[normalise] inside the tokenizer: what it makes of prompt and text is the prompt in front of the normalised text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from sphering.bundle.plain_model import write_model
from sphering.config.model import NormaliseConfig
from sphering.encoder.parity import compare
from sphering.encoder.probe_texts import PROBE_TEXTS
from sphering.errors import InputError
from sphering.text.normalise import is_blank, normalise

WHITE = ["", " ", "\t\n", "\u00a0\u3000", "\x1c\x1f", "\u2028 \x85", "\u205f\u1680"]
FORMS = [("NFC", False), ("NFKC", False), ("none", True), ("NFC", True), ("NFKC", True)]


@pytest.fixture(scope="module")
def texts(request):
    """Questions in twelve languages and the probe, composed, decomposed, between white space of every kind."""
    import unicodedata

    examples = request.path.parents[2] / "examples"
    asked = pq.read_table(examples / "xquad" / "questions.parquet")["text"].to_pylist()[::60]
    both = [form for text in (*asked, *PROBE_TEXTS) for form in (text, unicodedata.normalize("NFD", text))]
    around = [f"{WHITE[i % 7]}{text}{WHITE[(i // 7) % 7]}" for i, text in enumerate(both)]
    blank = is_blank(pa.array(around, pa.string())).to_pylist()
    return [text for text, empty in zip(around, blank, strict=True) if not empty]


@pytest.mark.parametrize(("unicode", "strip"), FORMS)
@pytest.mark.parametrize("prompts", [("", ""), ("query: ", "passage: "), ("", "passage: "), ("Frage (kurz):\n", "")])
def test_its_first_steps_leave_the_prompt_and_normalise_the_text(side, texts, unicode, strip, prompts, tmp_path):
    config = {"unicode": unicode, "strip": strip}
    one = side({"kind": "none"}, config, query_prompt=prompts[0], document_prompt=prompts[1])
    write_model(one.bundle, one.config, tmp_path)
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert content["normalizer"]["normalizers"].pop()["type"] == "BertNormalizer"
    first = Tokenizer.from_str(json.dumps(content)).normalizer
    expected = normalise(pa.array(texts, pa.string()), NormaliseConfig(**config)).to_pylist()
    for prompt in prompts:
        assert [first.normalize_str(prompt + text) for text in texts] == [prompt + text for text in expected]


@pytest.mark.parametrize("prompt", ["query", "é: x =", "ﬁnd: ", " find: ", "find é"])
def test_a_prompt_that_would_join_the_text_is_refused_with_what_to_do(side, prompt, tmp_path):
    one = side({"kind": "none"}, {"unicode": "NFKC", "strip": True}, query_prompt=prompt)
    with pytest.raises(InputError, match=r"prompt[\s\S]*end the prompt with a space"):
        write_model(one.bundle, one.config, tmp_path)


def test_without_normalisation_the_tokenizer_stays_as_it_is(side, tmp_path, default_model):
    one = side({"kind": "none"}, query_prompt="query")
    assert "tokenizer.json" not in write_model(one.bundle, one.config, tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == (default_model / "tokenizer.json").read_bytes()


def test_plain_sentence_transformers_normalises_as_the_corpus_was(side, tmp_path):
    from sentence_transformers import SentenceTransformer

    one = side({"kind": "whiten"}, {"unicode": "NFKC", "strip": True}, query_prompt="query: ")
    changed = write_model(one.bundle, one.config, tmp_path)
    assert {"tokenizer.json", "tokenizer_config.json"} < set(changed)
    asked = ["  ﬁnd ½ of ㎏ ", "\u3000ﬂow Ⅻ\x1f", "plain"]
    found = SentenceTransformer(str(tmp_path), device="cpu").encode(asked)
    assert compare(found, one.bundle.encode(asked)).min_cosine > 1 - 1e-6
    other = side({"kind": "whiten"}, query_prompt="query: ").bundle
    assert compare(found[:2], other.encode(asked[:2])).min_cosine < 0.999
    assert np.isfinite(found).all()
