"""Every file of tests/data/nasty through staging: each row is a document, a duplicate or in quarantine."""

import json

import pytest

LINES = {
    # file: (rows, documents, distinct texts, reasons)
    "GraphemeBreakTest.txt": (630, 630, 623, {}),
    "blns.txt": (742, 665, 626, {"empty": 77}),
    "emoji-test.txt": (5024, 4900, 4898, {"empty": 124}),
    "emoji-zwj-sequences.txt": (1411, 1390, 1382, {"empty": 21}),
    "gen_huge_line.txt": (3, 2, 2, {"too-long": 1}),
    "gen_invalid_utf8.txt": (27, 7, 7, {"invalid-utf8": 19, "nul": 1}),
    "utf8tests.bin": (222, 74, 74, {"invalid-utf8": 145, "nul": 3}),
    "utf8tests.txt": (841, 551, 542, {"empty": 290}),
}


def _oracle(data, limit=1_000_000):
    """Judge lines one by one, in plain Python."""
    reasons, texts = {}, []
    for line in data.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n"):
        line = line.removesuffix(b"\r")
        try:
            text = line.decode()
            reason = "nul" if "\0" in text else "empty" if not text.strip() else None
        except UnicodeDecodeError:
            reason = "invalid-utf8"
        reason = "too-long" if len(line) > limit else reason
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            texts.append(text)
    return texts, reasons


@pytest.mark.parametrize("name", sorted(LINES))
def test_nasty_lines_are_accounted_for(name, staging, data):
    rows, documents, distinct, reasons = LINES[name]
    staged = staging(path=str(data / "nasty" / name), format="lines")
    assert (staged.rows_read, staged.documents, staged.texts, staged.reasons) == (
        rows,
        documents,
        distinct,
        reasons,
    )
    texts, expected = _oracle((data / "nasty" / name).read_bytes())
    assert reasons == expected
    assert sorted(staging.texts().values()) == sorted(texts)


def test_each_bad_line_is_named_with_its_number(staging, data):
    staging(path=str(data / "nasty/gen_invalid_utf8.txt"), format="lines")
    found = {row["row"]: row for row in staging.quarantine()}
    assert sorted(found) == [*range(2, 18), 19, 20, 21, 27]
    assert found[2]["excerpt"] == r"\x80 lone continuation"
    assert found[2]["doc_id"] == "gen_invalid_utf8.txt:2"
    assert found[2]["text_hash"] is None
    assert {row["reason"] for row in found.values()} == {"invalid-utf8", "nul"}


def test_unicode_cases_keep_their_bytes(staging, data):
    staged = staging(path=str(data / "nasty/gen_unicode_cases.jsonl"))
    assert (staged.rows_read, staged.documents) == (33, 27)
    assert staged.reasons == {"empty": 3, "nul": 1, "surrogate": 2}
    reasons = {row["doc_id"]: row["reason"] for row in staging.quarantine()}
    assert reasons == {
        "empty": "empty",
        "space": "empty",
        "many-newlines": "empty",
        "nul": "nul",
        "lone-surrogate": "surrogate",
        "lone-low": "surrogate",
    }
    rows = [json.loads(line) for line in (data / "nasty/gen_unicode_cases.jsonl").read_text().splitlines()]
    kept = {row["id"]: row["text"] for row in rows if row["id"] not in reasons}
    assert staging.texts() == kept


def test_normalisation_makes_composed_and_decomposed_texts_one(staging, data):
    source = {"path": str(data / "nasty/gen_unicode_cases.jsonl")}
    staging(**source)
    assert staging.texts()["vi-nfc"] != staging.texts()["vi-nfd"]
    staging(**source, normalise={"unicode": "NFC"})
    assert staging.texts()["vi-nfc"] == staging.texts()["vi-nfd"]
    staging(**source, normalise={"unicode": "NFKC"})
    assert staging.texts()["fullwidth"] == "ABC123"
    assert staging.texts()["ligature"].startswith("fi fl ")


def test_the_naughty_strings_are_documents(staging, data):
    staged = staging(path=str(data / "nasty/blns.json"))
    strings = json.loads((data / "nasty/blns.json").read_text())
    assert (staged.rows_read, staged.documents, staged.reasons) == (515, 513, {"empty": 2})
    kept = {f"blns.json:{n}": text for n, text in enumerate(strings, 1) if text.strip()}
    assert staging.texts() == kept


def test_the_folder_as_texts_takes_txt_and_md_alone(staging, data):
    staged = staging(path=str(data / "nasty"), format="text")
    assert staged.rows_read == 8
    assert staged.reasons == {"too-long": 1, "invalid-utf8": 1}
    assert sorted(staging.texts()) == [
        "GraphemeBreakTest.txt",
        "README.md",
        "blns.txt",
        "emoji-test.txt",
        "emoji-zwj-sequences.txt",
        "utf8tests.txt",
    ]


def test_licences_and_notes_of_any_suffix_can_be_named(staging, data):
    names = ["blns.LICENSE", "unicode-data.copyright", "utf8tests.LICENSE"]
    staged = staging(path=[str(data / "nasty" / name) for name in names], format="text")
    assert staged.documents == 3
    assert sorted(staging.texts()) == names


def test_a_huge_line_is_quarantined_with_a_short_excerpt(staging, data):
    staged = staging(path=str(data / "nasty/gen_huge_line.txt"), format="lines")
    assert staged.documents == 2
    (row,) = staging.quarantine()
    assert (row["row"], row["reason"]) == (2, "too-long")
    assert len(row["excerpt"]) <= 200
    staged = staging(path=str(data / "nasty/gen_huge_line.txt"), format="lines", max_bytes=3_000_000)
    assert staged.documents == 3
