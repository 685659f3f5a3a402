"""What every reader owes. A new reader adds its writer to WRITERS, and passes this class."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.errors import SourceError
from sphering.source import content_digest
from sphering.source.registry import readers

BAD, ZERO = "XXBADXX", "XXNULXX"
UNICODE = [
    "Tiếng Việt",
    "👨‍👩‍👧‍👦 family",
    "مرحبا بالعالم",
    'he said "no", twice',
    "back\\slash",
    "tab\there",
    "ſpecial \u2028 separator",
]


def _jsonl(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _json(rows):
    return json.dumps(rows, ensure_ascii=False, indent=1).encode()


def _csv(rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "text", "lang", "unused"], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _parquet(rows):
    out = io.BytesIO()
    schema = pa.schema([(name, pa.string()) for name in ("id", "text", "lang", "unused")])
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, out, compression="none", use_dictionary=False, row_group_size=64, write_statistics=False)
    return out.getvalue()


def _lines(rows):
    return "".join(row["text"] + "\n" for row in rows).encode()


def _text(rows):
    return "".join(row["text"] for row in rows).encode()


WRITERS = {"jsonl": _jsonl, "json": _json, "csv": _csv, "parquet": _parquet, "lines": _lines, "text": _text}
COMPRESSIONS = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}


def test_every_reader_takes_part():
    assert set(WRITERS) == set(readers())


@pytest.mark.parametrize("kind", sorted(WRITERS))
class TestReader:
    """Written against `stage`, which is how readers are used."""

    @pytest.fixture
    def write(self, kind, tmp_path):
        def write(texts, compression="", mangle=lambda data: data):
            rows = [{"id": f"d{n}", "text": text, "lang": f"l{n % 3}", "unused": "u"} for n, text in enumerate(texts)]
            name = f"corpus{readers()[kind].suffixes[0]}{compression}"
            (tmp_path / name).write_bytes(COMPRESSIONS[compression](mangle(WRITERS[kind](rows))))
            return {"path": name, "format": kind} | ({"metadata": ["lang"]} if readers()[kind].has_columns else {})

        return write

    def expected_ids(self, kind, count):
        suffix = readers()[kind].suffixes[0]
        if kind == "text":
            return [f"corpus{suffix}"]
        if not readers()[kind].has_columns:
            return [f"corpus{suffix}:{n + 1}" for n in range(count)]
        return [f"d{n}" for n in range(count)]

    def texts(self, kind):
        return UNICODE[:1] if kind == "text" else UNICODE

    @pytest.mark.parametrize("compression", sorted(COMPRESSIONS))
    def test_documents_come_out_as_they_went_in(self, kind, compression, staging, write):
        texts = self.texts(kind)
        staged = staging(**write(texts, compression))
        assert staging.texts() == dict(zip(self.expected_ids(kind, len(texts)), texts, strict=True))
        assert (staged.rows_read, staged.documents, staged.quarantined) == (len(texts), len(texts), 0)
        if readers()[kind].has_columns:
            assert {row["doc_id"]: row["metadata"] for row in staging.documents()}["d1"] == '{"lang":"l1"}'

    def test_compression_changes_no_digest(self, kind, staging, write):
        digests = {staging(**write(self.texts(kind), compression)).content_digest for compression in COMPRESSIONS}
        assert len(digests) == 1

    @pytest.mark.parametrize("compression", sorted(COMPRESSIONS))
    def test_files_are_recorded_with_their_hash(self, kind, compression, staging, write, tmp_path):
        from sphering.identity import sha256_file

        source = write(self.texts(kind), compression)
        (file,) = staging(**source).files
        path = tmp_path / source["path"]
        assert (file.path, file.bytes, file.sha256) == (
            source["path"],
            path.stat().st_size,
            sha256_file(path),
        )

    @pytest.mark.parametrize(("marker", "byte", "reason"), [(BAD, b"\xff", "invalid-utf8"), (ZERO, b"\0", "nul")])
    def test_a_bad_byte_spoils_only_its_row(self, kind, marker, byte, reason, staging, write):
        texts = [f"before {marker} after"] if kind == "text" else ["fine", f"before {marker} after", "fine too"]
        mangled = write(texts, mangle=lambda data: data.replace(marker.encode(), byte * len(marker)))
        staged = staging(**mangled)
        assert staged.reasons == {reason: 1}
        assert staged.documents == len(texts) - 1
        (row,) = staging.quarantine()
        assert row["file"] == mangled["path"]
        assert row["row"] >= 1
        assert "before" in row["excerpt"]
        assert row["excerpt"].isprintable()
        assert row["detail"]

    def test_empty_and_blank_texts_are_quarantined(self, kind, staging, write):
        texts = [" \t\u3000"] if kind == "text" else ["one", "", " \t\u3000", "two"]
        staged = staging(**write(texts))
        assert staged.reasons == {"empty": len(texts) - staged.documents}
        assert staged.documents == (0 if kind == "text" else 2)

    def test_a_text_over_the_limit_is_quarantined_and_the_next_is_not(self, kind, staging, write):
        texts = ["é" * 51] if kind == "text" else ["é" * 50, "é" * 51, "short"]
        staged = staging(**write(texts), max_bytes=100)
        assert staged.reasons == {"too-long": 1}
        assert staged.documents == len(texts) - 1

    def test_no_rows_are_no_error(self, kind, staging, write):
        staged = staging(**write([]))
        assert (staged.documents, staged.rows_read) == (0, 1 if kind == "text" else 0)

    def test_rows_that_fill_many_blocks_each_come_once(self, kind, staging, write):
        texts = [f"text number {n} " + "x" * (n % 400) for n in range(1 if kind == "text" else 12_000)]
        staged = staging(**write(texts))
        assert staging.texts() == dict(zip(self.expected_ids(kind, len(texts)), texts, strict=True))
        assert staged.texts == len(texts)

    @pytest.mark.parametrize("compression", [".gz", ".zst"])
    def test_a_file_that_was_cut_off_is_refused_by_name(self, kind, compression, staging, write, tmp_path):
        source = write([text * 50 for text in self.texts(kind)], compression)
        path = tmp_path / source["path"]
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(SourceError, match="cannot be read") as caught:
            staging(**source)
        assert caught.value.where == source["path"]

    def test_a_missing_column_is_named_with_those_there_are(self, kind, staging, write):
        source = write(self.texts(kind))
        if not readers()[kind].has_columns:
            with pytest.raises(SourceError, match="has no columns, but 'lang'"):
                staging(**source, labels=["lang"])
            return
        with pytest.raises(SourceError, match=r"no column 'txet'[\s\S]*'lang', [\s\S]*did you mean 'text'"):
            staging(**source, text="txet")

    def test_ids_made_from_the_content_do_not_depend_on_the_place(self, kind, staging, write):
        texts = self.texts(kind)
        source = {**write(texts), "id": "hash", "metadata": []}
        staging(**source)
        first = staging.texts()
        staging(
            **{
                **source,
                **write(["new first text", *texts][: 1 if kind == "text" else None]),
                "id": "hash",
                "metadata": [],
            }
        )
        assert all(len(doc_id) == 32 for doc_id in first)
        assert kind == "text" or first.items() <= staging.texts().items()


def test_the_same_documents_have_one_digest_in_every_format(staging, data, tmp_path, naive_digest):
    rows = pq.read_table(data / "xquad/sample.parquet", columns=["_id", "text", "lang", "title"]).to_pylist()
    rows = [{"id": row["_id"], "text": row["text"], "lang": row["lang"], "unused": row["title"]} for row in rows]
    digests = set()
    for kind, write in WRITERS.items():
        for compression, compress in COMPRESSIONS.items() if readers()[kind].has_columns else ():
            name = f"xquad{readers()[kind].suffixes[0]}{compression}"
            (tmp_path / name).write_bytes(compress(write(rows)))
            staged = staging(path=name, metadata=["unused"], labels=["lang"])
            assert staged.documents == 120
            assert content_digest([staging.out / "documents.parquet"]) == staged.content_digest
            digests.add(staged.content_digest)
    metadata = [json.dumps({k: row[k] for k in ("lang", "unused")}, separators=(",", ":")) for row in rows]
    assert digests == {naive_digest([(row["id"], row["text"], m) for row, m in zip(rows, metadata, strict=True)])}
