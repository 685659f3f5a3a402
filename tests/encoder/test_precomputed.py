"""Vectors that were made elsewhere, looked up by their texts: every format, every way in which files can be wrong."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv

from sphering.config.encoder import EncoderConfig
from sphering.encoder import identify, open_encoder
from sphering.encoder.precomputed.index import Index
from sphering.encoder.spill import Spill
from sphering.errors import InputError, ModelError, SourceChangedError

some = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
TEXTS = [f"text {number}" for number in range(500)]
VECTORS = np.random.default_rng(0).standard_normal((500, 8)).astype(np.float32)


def opened(**settings):
    config = EncoderConfig.model_validate({"kind": "precomputed", "identity": "made elsewhere"} | settings)
    return open_encoder(identify(config, "native"), config)


def lists(vectors, kind=None):
    values = [None if vector is None else vector.tolist() for vector in vectors]
    return pa.array(values, kind or pa.list_(pa.float32()))


def write(path, texts, vectors, **columns):
    embedding = vectors if isinstance(vectors, pa.Array) else lists(vectors)
    pq.write_table(pa.table({"text": texts, "embedding": embedding, **columns}), path, row_group_size=64)
    return str(path)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.float32()),
        pa.list_(pa.float32(), 8),
        pa.large_list(pa.float64()),
        pa.list_(pa.float64(), 8),
        pa.list_(pa.float16()),
    ],
    ids=str,
)
def test_every_text_has_the_vector_beside_it_whatever_the_type_of_the_column(tmp_path, kind):
    width = kind.value_type.to_pandas_dtype()
    embedding = pa.array([vector.astype(width) for vector in VECTORS], kind)
    found = opened(vectors=write(tmp_path / "v.parquet", TEXTS, embedding)).encode(TEXTS[::-1]).vectors
    assert found.tobytes() == VECTORS.astype(width).astype(np.float32)[::-1].tobytes()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv"])
def test_row_i_of_a_matrix_belongs_to_row_i_of_its_texts(tmp_path, dtype, suffix):
    texts = ['a "quoted", one', "two\nlines", "", *TEXTS[3:]]
    if suffix == "jsonl":
        lines = (json.dumps({"n": n, "body": text}) for n, text in enumerate(texts))
        (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    else:
        table = pa.table({"n": range(len(texts)), "body": texts})
        pq.write_table(table, tmp_path / "t.parquet")
        csv.write_csv(table, tmp_path / "t.csv")
    np.save(tmp_path / "v.npy", VECTORS.astype(dtype))
    encoder = opened(vectors=str(tmp_path / "v.npy"), texts=str(tmp_path / f"t.{suffix}"), text="body")
    assert encoder.encode(texts).vectors.tobytes() == VECTORS.astype(dtype).astype(np.float32).tobytes()


def test_an_empty_line_of_a_csv_of_texts_alone_is_a_row(tmp_path):
    (tmp_path / "t.csv").write_text("text\nfirst\n\nthird\n", encoding="utf-8")
    np.save(tmp_path / "v.npy", VECTORS[:3])
    found = opened(vectors=str(tmp_path / "v.npy"), texts=str(tmp_path / "t.csv")).encode(["first", "third"]).vectors
    assert found.tobytes() == VECTORS[[0, 2]].tobytes()


def test_files_of_a_glob_and_of_a_list_are_one_look_up(tmp_path):
    for number in range(5):
        part = slice(number * 100, number * 100 + 100)
        write(tmp_path / f"part-{number}.parquet", TEXTS[part], VECTORS[part])
    several = [str(tmp_path / "part-[0-3].parquet"), str(tmp_path / "part-4.parquet")]
    for vectors in (str(tmp_path / "part-*.parquet"), several):
        assert opened(vectors=vectors).encode(TEXTS).vectors.tobytes() == VECTORS.tobytes()


@some
@given(
    rows=st.lists(st.tuples(st.text(max_size=3), st.integers(0, 3)), max_size=40),
    asked=st.lists(st.text(max_size=3), max_size=20),
    unicode=st.sampled_from(["none", "NFC", "NFKC"]),
    strip=st.booleans(),
)
def test_the_look_up_is_the_one_a_dictionary_gives(tmp_path, rows, asked, unicode, strip):
    def as_document(text):
        text = text if unicode == "none" else unicodedata.normalize(unicode, text)
        return text.strip() if strip else text

    rows = [(text, number) for text, number in rows if not any("\ud800" <= c <= "\udfff" for c in text)]
    asked = [text for text in asked if "\0" not in text]
    naive: dict[str, set[int]] = {}
    for text, number in rows:
        naive.setdefault(as_document(text), set()).add(number)
    path = write(
        tmp_path / "v.parquet", pa.array([text for text, _ in rows], pa.string()), VECTORS[[n for _, n in rows]]
    )
    if not rows:
        with pytest.raises(ModelError, match="holds no vector"):
            opened(vectors=path, unicode=unicode, strip=strip)
        return
    encoder = opened(vectors=path, unicode=unicode, strip=strip)
    if any(len(numbers) > 1 for numbers in naive.values()):
        with pytest.raises(ModelError, match="two different vectors"):
            encoder.encode(asked)
        return
    wanted = [as_document(text) for text in asked]
    if any(text not in naive for text in wanted):
        with pytest.raises(
            InputError, match=f"{sum(text not in naive for text in wanted)} of {len(wanted)} texts have"
        ):
            encoder.encode(wanted)
    wanted = [text for text in naive if "\0" not in text]
    expected = VECTORS[[min(naive[text]) for text in wanted]].reshape(-1, 8)
    assert encoder.encode(wanted).vectors.tobytes() == expected.tobytes()


def test_one_text_with_two_vectors_is_refused_with_both_rows_named(tmp_path):
    first = write(tmp_path / "a.parquet", TEXTS[:70], VECTORS[:70])
    second = write(tmp_path / "b.parquet", ["new", TEXTS[66]], VECTORS[:2])
    with pytest.raises(ModelError, match="one text has two different vectors") as refused:
        opened(vectors=[first, second]).encode(TEXTS[:1])
    assert refused.value.where == f"{first}, row 67 and {second}, row 2"


def test_texts_that_are_alike_once_they_are_normalised_may_not_differ_in_their_vectors(tmp_path):
    path = write(tmp_path / "v.parquet", ["café", "cafe\u0301"], VECTORS[:2])
    assert len(opened(vectors=path).encode(["café", "cafe\u0301"]).vectors) == 2
    with pytest.raises(ModelError, match="two different vectors"):
        opened(vectors=path, unicode="NFC").encode(["café"])


def test_texts_without_a_vector_are_counted_and_the_first_is_quoted(tmp_path):
    path = write(tmp_path / "v.parquet", TEXTS, [*VECTORS[:-1], None])
    with pytest.raises(InputError, match="2 of 3 texts have no vector, such as 'unheard of'") as refused:
        opened(vectors=path).encode([TEXTS[0], "unheard of", TEXTS[-1]])
    assert path in refused.value.where


def test_a_query_without_a_vector_is_refused_by_its_words(tmp_path):
    path = write(tmp_path / "v.parquet", TEXTS, VECTORS)
    with pytest.raises(InputError, match="precomputed vectors: no vector for this query: 'what is it'") as refused:
        opened(vectors=path).encode(["what is it"], "query")
    assert "give query vectors" in refused.value.remedy


def test_numbers_that_are_missing_or_too_large_reach_the_judge_as_they_are(tmp_path):
    values = [[1.0, None], [1e300, 0.0], [0.0, 0.0], [float("nan"), 1.0]]
    embedding = pa.array(values, pa.list_(pa.float64()))
    found = opened(vectors=write(tmp_path / "v.parquet", TEXTS[:4], embedding)).encode(TEXTS[:4]).vectors
    assert np.isfinite(found).tolist() == [[True, False], [False, True], [True, True], [False, True]]


def test_texts_that_no_document_can_have_are_passed_over(tmp_path):
    texts = pa.array([b"sound", b"\xff\xfe", None], pa.binary()).view(pa.string())
    found = opened(vectors=write(tmp_path / "v.parquet", texts, VECTORS[:3])).encode(["sound"]).vectors
    assert found.tobytes() == VECTORS[:1].tobytes()


def test_the_identity_is_what_is_declared_and_the_dimension(tmp_path):
    path = write(tmp_path / "v.parquet", TEXTS, VECTORS)
    before = opened(vectors=path).identity
    write(tmp_path / "v.parquet", TEXTS[:100], VECTORS[100:200])
    other = write(tmp_path / "w.parquet", TEXTS, VECTORS[:, :4])
    assert opened(vectors=path).identity.id == before.id
    assert opened(vectors=path, identity="another").identity.id != before.id
    assert opened(vectors=other).identity.id != before.id


def test_files_that_change_are_read_again_in_the_same_process(tmp_path):
    path = write(tmp_path / "v.parquet", TEXTS[:10], VECTORS[:10])
    encoder = opened(vectors=path)
    assert len(encoder.encode(TEXTS[:10]).vectors) == 10
    write(tmp_path / "v.parquet", TEXTS[5:20], VECTORS[5:20])
    assert encoder.encode(TEXTS[5:20]).vectors.tobytes() == VECTORS[5:20].tobytes()
    with pytest.raises(InputError, match="5 of 10 texts"):
        encoder.encode(TEXTS[:10])


def test_one_identity_over_other_files_is_looked_up_in_these(tmp_path):
    one = opened(vectors=write(tmp_path / "one.parquet", TEXTS[:2], VECTORS[:2]))
    other = opened(vectors=write(tmp_path / "other.parquet", TEXTS[2:4], VECTORS[2:4]))
    assert one.identity.id == other.identity.id
    assert [encoder.encode(texts).vectors[0, 0] for encoder, texts in ((one, TEXTS[:1]), (other, TEXTS[2:3]))] == [
        VECTORS[0, 0],
        VECTORS[2, 0],
    ]


def test_files_that_change_while_they_are_read_are_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "v.parquet", TEXTS, VECTORS)
    sort = Index._sort

    def meanwhile(self, connection):
        sort(self, connection)
        write(tmp_path / "v.parquet", TEXTS[:9], VECTORS[:9])

    monkeypatch.setattr(Index, "_sort", meanwhile)
    with pytest.raises(SourceChangedError):
        opened(vectors=path).encode(TEXTS)


def test_a_truncated_file_is_refused_by_name(tmp_path):
    path = tmp_path / "v.parquet"
    write(path, TEXTS, VECTORS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot be read") as refused:
        opened(vectors=str(path))
    assert refused.value.where == str(path)


def test_a_vector_of_another_length_is_named_by_its_row(tmp_path):
    path = write(tmp_path / "v.parquet", TEXTS[:100], [*VECTORS[:80], VECTORS[80][:5], *VECTORS[81:100]])
    with pytest.raises(ModelError, match="a vector has 5 dimensions, others have 8") as refused:
        opened(vectors=path).encode(TEXTS[:1])
    assert refused.value.where == f"{path}, row 81"


@pytest.mark.parametrize(
    ("settings", "found", "remedy"),
    [
        ({"column": "vector"}, "there is no column 'vector'", "set `column`"),
        ({"text": "body"}, "there is no column 'body'", "set `text`"),
        ({"column": "text"}, "the column 'text' holds string", "`column`"),
        ({"column": "whole"}, "the column 'whole' holds list", "`column`"),
    ],
)
def test_a_column_that_is_not_there_or_holds_something_else_is_named(tmp_path, settings, found, remedy):
    path = write(tmp_path / "v.parquet", ["a"], VECTORS[:1], whole=pa.array([[1, 2]], pa.list_(pa.int64())))
    with pytest.raises(ModelError, match=found) as refused:
        opened(vectors=path, **settings)
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    "matrix",
    [np.zeros(4, np.float32), np.zeros((4, 2), int), np.asfortranarray(np.ones((4, 2)))],
    ids=["1d", "int", "F"],
)
def test_what_is_no_matrix_of_vectors_is_refused(tmp_path, matrix):
    np.save(tmp_path / "v.npy", matrix)
    texts = write(tmp_path / "t.parquet", TEXTS[:4], VECTORS[:4])
    with pytest.raises(ModelError, match="no matrix of vectors"):
        opened(vectors=str(tmp_path / "v.npy"), texts=texts)


@pytest.mark.parametrize("rows", [9, 11])
def test_as_many_texts_as_vectors_are_asked_for(tmp_path, rows):
    np.save(tmp_path / "v.npy", VECTORS[:10])
    texts = write(tmp_path / "t.parquet", TEXTS[:rows], VECTORS[:rows])
    with pytest.raises(ModelError, match=f"there are {rows} texts and 10 vectors"):
        opened(vectors=str(tmp_path / "v.npy"), texts=texts).encode(TEXTS[:1])


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"vectors": "v.npy"}, "name the file that has them"),
        ({"vectors": "v.parquet", "texts": "t.csv"}, "belongs to a .npy matrix"),
        ({"vectors": ["v.npy", "w.npy"], "texts": "t.csv"}, "stands alone"),
        ({"vectors": []}, "names no file"),
        ({"vectors": "v.parquet", "query_prompt": "query: "}, "does not take query_prompt"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(table, why):
    with pytest.raises(ValueError, match=why):
        EncoderConfig.model_validate({"kind": "precomputed", "identity": "x"} | table)


@some
@given(data=st.data(), rows=st.integers(0, 3000), width=st.sampled_from([1, 7, 300]))
def test_a_spill_gives_back_what_was_put_into_it(data, rows, width):
    put = np.arange(rows * width, dtype=np.float32).reshape(rows, width)
    spill = Spill(np.float32, width)
    cut = data.draw(st.integers(0, rows))
    spill.append(put[:cut])
    spill.append(put[cut:])
    asked = np.array(data.draw(st.lists(st.integers(0, rows - 1), max_size=50)) if rows else [], np.int64)
    assert np.array_equal(spill.take(asked), put[asked])
    assert np.array_equal(spill.read(cut, rows + 9), put[cut:])
