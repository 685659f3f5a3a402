"""Files of vectors: shards, codes and scales, and everything about them that can be wrong."""

from __future__ import annotations

import json
import shutil
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest

from sphering.config.export import ExportConfig
from sphering.errors import IntegrityError
from sphering.export.conformance import ExportConformance
from sphering.export.formats.vector_files import found_shards, shards
from sphering.export.make import write
from sphering.export.opening import open_format
from sphering.export.protocol import ExportJob
from sphering.export.readback import compare

N, D = 20_000, 12
CODES = [
    {},
    {"dtype": "float16"},
    {"dtype": "int8"},
    {"dtype": "int8", "scale": "dimension"},
]
TABLES = [
    *({"format": name, **code} for name in ("npy", "fbin", "parquet") for code in CODES),
    {"format": "npy", "dtype": "binary"},
]


def name_of(table):
    return "-".join(map(str, table.values()))


@pytest.fixture
def written(matrix_of, tmp_path):
    vectors = np.random.default_rng(0).standard_normal((N, D))
    matrix = matrix_of((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))

    def make(table, name="out"):
        config = ExportConfig.model_validate({"name": "tested", **table})
        job = ExportJob(config, matrix, None, None, tmp_path / name)
        write(job)
        return job

    return make


def payload(folder):
    """Return the bytes behind the headers, or the rows of Parquet files, in the order of the files' names."""
    found = b""
    for path in sorted(folder.glob("vectors*")):
        if path.suffix == ".parquet":
            found += pq.read_table(path)["embedding"].combine_chunks().flatten().to_numpy().tobytes()
        else:
            found += path.read_bytes()[128 if path.suffix == ".npy" else 8 :]
    return found


@pytest.mark.parametrize("table", TABLES, ids=name_of)
def test_shards_of_any_size_hold_what_one_file_holds(written, table):
    whole = written(table)
    expected = payload(whole.folder)
    for shard_rows in (7000, 8192, 19_999, 20_000, 30_000):  # borders within a block, between two, at the end
        job = written({**table, "shard_rows": shard_rows}, name=f"cut-{shard_rows}")
        files = sorted(job.folder.glob("vectors*"))
        assert [path.stem for path in files] == [f"vectors-{number:05}" for number in range(-(-N // shard_rows))]
        assert payload(job.folder) == expected
        assert compare(open_format(table["format"]), job.folder, job).n == N
        if (whole.folder / "scales.npy").is_file():
            assert (job.folder / "scales.npy").read_bytes() == (whole.folder / "scales.npy").read_bytes()


class TestManyShards(ExportConformance):
    """Odd ids, equal texts and as many files as there are rows."""

    table: ClassVar = {"format": "npy", "dtype": "int8", "shard_rows": 9, "metadata": ["note", "day"]}

    def test_one_row_a_file(self, job, corpus):
        single = ExportJob(
            job.config.model_copy(update={"shard_rows": 1}), job.matrix, job.snapshot, job.transform, job.folder
        )
        write(single)
        files = found_shards(single.folder, "vectors.npy")
        assert len(files) == len(corpus.doc_ids)
        assert {np.load(path).shape for path in files} == {(1, job.matrix.d)}
        assert compare(open_format("npy"), single.folder, single).n == len(corpus.doc_ids)


def test_numbered_files_stay_in_the_order_of_their_numbers_beyond_five_digits(tmp_path):
    for shard in shards(tmp_path, "vectors.npy", 100_002, 1)[-3:]:
        shard.path.touch()
    with pytest.raises(IntegrityError, match=r"vectors-00000.npy is missing[\s\S]*vectors-100001.npy"):
        found_shards(tmp_path, "vectors.npy")


def _without_the_middle(folder):
    sorted(folder.glob("vectors*"))[1].unlink()


def _without_the_last(folder):
    sorted(folder.glob("vectors*"))[-1].unlink()


def _one_too_many(folder):
    files = sorted(folder.glob("vectors*"))
    shutil.copy(files[0], files[0].with_stem(f"vectors-{len(files):05}"))


def _both_forms(folder):
    first = sorted(folder.glob("vectors*"))[0]
    shutil.copy(first, first.with_stem("vectors"))


def _none(folder):
    for path in folder.glob("vectors*"):
        path.unlink()


def _truncated(folder):
    path = sorted(folder.glob("vectors*"))[1]
    path.write_bytes(path.read_bytes()[:-5])


def _two_exchanged(folder):
    first, second = sorted(folder.glob("vectors*"))[:2]
    beside = first.with_suffix(".beside")
    first.rename(beside)
    second.rename(first)
    beside.rename(second)


DAMAGES = [
    _without_the_middle,
    _without_the_last,
    _one_too_many,
    _both_forms,
    _none,
    _truncated,
    _two_exchanged,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
@pytest.mark.parametrize("table", [{"format": "npy"}, {"format": "fbin", "dtype": "int8"}, {"format": "parquet"}])
def test_a_file_that_is_missing_too_many_cut_or_elsewhere_is_found(written, table, damage):
    job = written({**table, "shard_rows": 6000})
    damage(job.folder)
    with pytest.raises(IntegrityError):
        compare(open_format(table["format"]), job.folder, job)


def test_the_file_that_is_missing_is_named(written):
    job = written({"format": "fbin", "shard_rows": 6000})
    _without_the_middle(job.folder)
    with pytest.raises(IntegrityError, match=r"vectors-00001.fbin is missing[\s\S]*all of 3 files"):
        list(open_format("fbin").read(job.folder))


@pytest.mark.parametrize(
    ("format_name", "data"),
    [
        ("npy", lambda whole: b"\x93NUMPX" + whole[6:]),
        ("npy", lambda whole: whole + b"\0"),
        ("npy", lambda whole: whole.replace(b"(20000, 12)", b"(20001, 12)")),
        ("npy", lambda whole: whole.replace(b"(20000, 12)", b"(12, 20000)")),
        ("npy", lambda whole: whole.replace(b"(20000, 12)", b"(240000,) ")),
        ("npy", lambda whole: whole.replace(b"'<f4'", b"'<i4'")),
        ("npy", lambda whole: whole.replace(b"False", b"True ")),
        ("npy", lambda whole: b""),
        ("npy", lambda whole: whole.replace(b"(20000, 12)", b"(20000, 12(")),
        ("npy", lambda whole: whole.replace(b"(20000, 12)", b"(-2000,-12)")),
        ("fbin", lambda whole: whole + b"\0\0\0\0"),
        ("fbin", lambda whole: np.array([20001, 12], "<u4").tobytes() + whole[8:]),
        ("fbin", lambda whole: np.array([12, 20000], "<u4").tobytes() + whole[8:]),
        ("fbin", lambda whole: whole[:5]),
        ("parquet", lambda whole: whole[:-4]),
    ],
)
def test_a_header_that_does_not_say_what_follows_is_found(written, format_name, data):
    job = written({"format": format_name})
    path = next(job.folder.glob("vectors*"))
    path.write_bytes(data(path.read_bytes()))
    with pytest.raises(IntegrityError):
        compare(open_format(format_name), job.folder, job)


def _saved(values):
    return lambda path: np.save(path, values)


@pytest.mark.parametrize("scale", ["vector", "dimension"])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"no scales"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04" + path.read_bytes()[4:]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"), }", b"(, }")),
        _saved(np.ones((N - 1, 1), np.float32)),
        _saved(np.ones((1, D + 1), np.float32)),
        _saved(np.ones((N, 1))),
        _saved(np.ones((N, 1), np.float32)),
    ],
    ids=["missing", "garbage", "empty", "zip", "open bracket", "too few", "too many", "float64", "others"],
)
def test_scales_that_are_missing_or_others_are_found(written, scale, change):
    job = written({"format": "npy", "dtype": "int8", "scale": scale})
    change(job.folder / "scales.npy")
    with pytest.raises(IntegrityError):
        compare(open_format("npy"), job.folder, job)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"dtype": "int7", "scale": null, "dimension": 12}',
        '{"dtype": "int8", "scale": "row", "dimension": 12}',
        '{"dtype": "float16", "scale": null, "dimension": 12}',
        '{"dtype": "int8", "scale": "vector", "dimension": Infinity}',
    ],
)
@pytest.mark.parametrize("format_name", ["npy", "fbin", "parquet"])
def test_a_code_that_is_not_that_of_the_files_is_found(written, format_name, content):
    job = written({"format": format_name, "dtype": "int8"})
    (job.folder / "code.json").write_text(content)
    with pytest.raises(IntegrityError):
        list(open_format(format_name).read(job.folder))


def test_a_code_of_another_dimension_is_found(written):
    job = written({"format": "npy", "dtype": "binary"})
    (job.folder / "code.json").write_text('{"dtype": "binary", "scale": null, "dimension": 17}')
    with pytest.raises(IntegrityError, match=r"rows of 2 uint8[\s\S]*3 of uint8"):
        list(open_format("npy").read(job.folder))


def test_the_code_says_what_the_numbers_are(written):
    folder = written({"format": "npy", "dtype": "int8", "scale": "dimension"}).folder
    assert json.loads((folder / "code.json").read_text()) == {"dtype": "int8", "scale": "dimension", "dimension": D}
    assert np.load(folder / "scales.npy").shape == (1, D)
    assert not (written({"format": "npy"}, "plain").folder / "code.json").exists()


@pytest.mark.parametrize("change", ["fewer", "renumbered"])
def test_ids_that_are_fewer_or_not_dense_are_found(written, change):
    job = written({"format": "fbin"})
    table = pq.read_table(job.folder / "ids.parquet")
    if change == "fewer":
        table = table.slice(0, N - 1)
    else:
        numbers = table["row_id"].to_numpy() + 1
        table = table.set_column(0, table.schema.field(0), [numbers])
    (job.folder / "ids.parquet").unlink()  # it is a link to that of the matrix
    pq.write_table(table, job.folder / "ids.parquet")
    with pytest.raises(IntegrityError):
        compare(open_format("fbin"), job.folder, job)
