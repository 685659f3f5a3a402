"""pgvector: what PostgreSQL makes of the files, in a real server."""

from __future__ import annotations

import dataclasses
import json
from functools import partial

import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest

from sphering.config.export import ExportConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.formats.pgvector.copy_binary import read_rows, text_field, write_rows
from sphering.export.make import write
from sphering.export.opening import check_export, open_format
from tests.export.odd import ODD_IDS, ODD_METADATA, odd_matrix


def config(**keys) -> ExportConfig:
    return ExportConfig.model_validate({"name": "tested", "format": "pgvector", **keys})


@pytest.fixture(scope="module")
def made(exported):
    return partial(exported, "pgvector")


@pytest.fixture(scope="module")
def loaded(made, server):
    """Return what loads an export into an empty database with psql."""
    from tests.export.postgres import new_database

    def load(name: str, **keys):
        folder, job = made(**keys)
        database = new_database(server, name)
        database.psql(folder, "load.sql")
        return database, folder, job

    return load


class TestSearch:
    """What the server makes of the table."""

    def test_halves_take_two_bytes_a_number(self, loaded):
        database, _, _ = loaded("halves", dtype="float16")
        with database.connect() as connection:
            size = connection.execute("SELECT DISTINCT pg_column_size(embedding) FROM tested").fetchall()
        assert size == [(8 + 2 * 128,)]

    def test_the_script_measures_the_recall_of_the_index_on_the_server(self, loaded):
        database, folder, _ = loaded("recall", index="ivfflat", lists=16)
        low = database.psql(folder, "recall.sql", "-A", "-t").stdout.split("|")
        with database.connect() as connection:
            connection.execute("ALTER DATABASE recall SET ivfflat.probes = 16")
            connection.execute("CREATE TABLE asked AS SELECT embedding FROM tested ORDER BY doc_id LIMIT 50")
        high = database.psql(folder, "recall.sql", "-A", "-t", "-v", "queries=asked").stdout.split("|")
        assert 0.1 < float(low[0]) < 1.0
        assert int(low[1]) == 200
        assert [float(high[0]), int(high[1])] == [1.0, 50]


class TestLoad:
    """load.sql."""

    def test_the_table_has_every_document_bit_by_bit(self, loaded, xquad):
        database, _, job = loaded("bits", index="none")
        with database.connect() as connection:
            cursor = connection.cursor(binary=True)
            rows = cursor.execute('SELECT doc_id, uuid, embedding, metadata FROM tested ORDER BY doc_id COLLATE "C"')
            found = rows.fetchall()
        ids = pq.read_table(job.matrix.directory / "ids.parquet").to_pylist()
        assert [row[0] for row in found] == xquad.doc_ids
        assert [str(row[1]) for row in found] == [row["uuid"] for row in ids]
        assert [row[3] for row in found] == [json.loads(row["metadata"]) for row in ids]
        vectors = np.stack([np.frombuffer(row[2], ">f4", offset=4) for row in found])
        assert np.array_equal(vectors, job.matrix.vectors())

    def test_ids_and_metadata_of_every_kind_come_back(self, database, tmp_path, made):
        matrix = odd_matrix(made(index="none")[1].matrix, tmp_path / "odd")
        job = dataclasses.replace(made(index="none")[1], matrix=matrix, folder=tmp_path / "files")
        write(job)
        database.psql(tmp_path / "files", "load.sql")
        with database.connect() as connection:
            found = connection.execute("SELECT doc_id, metadata FROM tested").fetchall()
        assert {row[0]: row[1] for row in found} == dict(zip(ODD_IDS, ODD_METADATA, strict=True))

    def test_readers_see_the_old_table_until_the_new_one_is_whole(self, loaded, made):
        database, folder, _ = loaded("swap", index="none")
        with database.connect() as connection:
            connection.execute("DELETE FROM tested WHERE doc_id > '3'")
            left = connection.execute("SELECT count(*) FROM tested").fetchone()
            copy = folder / "vectors.copy"
            whole = copy.read_bytes()
            copy.unlink()
            copy.write_bytes(whole[:-1000])
            assert database.psql(folder, "load.sql", check=False).returncode == 3
            assert connection.execute("SELECT count(*) FROM tested").fetchone() == left
            copy.write_bytes(whole)
            database.psql(folder, "load.sql")
            assert connection.execute("SELECT count(*) FROM tested").fetchone() == (240,)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert tables == [("tested",)]

    @pytest.mark.parametrize("name", ["odd \"na'me\\ $n :x %", "é" * 25, "select"])
    def test_a_table_may_have_any_name(self, database, made, name):
        folder, _ = made(index="hnsw", table=name)
        database.psql(folder, "load.sql")
        database.psql(folder, "load.sql")
        database.psql(folder, "recall.sql")
        with database.connect() as connection:
            assert connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == [
                (name,)
            ]


class TestRefusals:
    """Before a file is written."""

    @pytest.mark.parametrize(
        ("keys", "dimension", "remedy"),
        [
            ({}, 2001, "float16"),
            ({"index": "ivfflat"}, 2001, "truncate_dim = 2000"),
            ({"dtype": "float16"}, 4001, 'index = "none"'),
            ({"index": "none"}, 16001, "truncate_dim = 16000"),
        ],
    )
    def test_more_dimensions_than_pgvector_takes(self, keys, dimension, remedy):
        with pytest.raises(InputError, match="at most") as refused:
            check_export(config(**keys), dimension)
        assert remedy in str(refused.value.remedy)
        check_export(config(**keys), dimension - 1)

    @pytest.mark.parametrize(
        "keys",
        [
            {"lists": 10},
            {"index": "none", "m": 8},
            {"index": "ivfflat", "ef_construction": 100},
            {"m": 40, "ef_construction": 79},
            {"table": "t" * 51},
            {"table": "a\nb"},
            {"table": ""},
        ],
    )
    def test_keys_that_do_not_go_together(self, keys):
        with pytest.raises(ValueError, match=r"index|ef_construction = 79|bytes|pattern|character"):
            config(**keys)

    @pytest.mark.parametrize(
        ("doc_id", "metadata", "what"),
        [("a\0b", {}, "an id"), ("ab", {"note": "a\0b"}, "metadata"), ("ab", {"note": "\\\0"}, "metadata")],
    )
    def test_the_character_nul(self, made, tmp_path, doc_id, metadata, what):
        job = made(index="none")[1]
        matrix = odd_matrix(job.matrix, tmp_path / "odd", {3: (doc_id, metadata)})
        with pytest.raises(InputError, match=f"{what} with the character NUL") as refused:
            write(dataclasses.replace(job, matrix=matrix, folder=tmp_path / "files"))
        assert repr(doc_id) in str(refused.value.where)
        assert not (tmp_path / "files").exists()

    def test_metadata_that_is_left_out_may_hold_it(self, made, tmp_path):
        job = made(index="none", metadata=[])[1]
        matrix = odd_matrix(job.matrix, tmp_path / "odd", {3: ("ab", {"note": "\0"})})
        write(dataclasses.replace(job, matrix=matrix, folder=tmp_path / "files"))
        assert b"note" not in (tmp_path / "files" / "vectors.copy").read_bytes()

    def test_the_limits_are_those_of_the_server(self, database):
        with database.connect() as connection:
            connection.execute("CREATE EXTENSION vector")
            for type_, largest in (("vector", 2000), ("halfvec", 4000)):
                for kind in ("hnsw", "ivfflat"):
                    for d in (largest, largest + 1):
                        connection.execute(f"CREATE TABLE {type_}_{kind}_{d} (e {type_}({d}))")
                        statement = f"CREATE INDEX ON {type_}_{kind}_{d} USING {kind} (e {type_}_ip_ops)"
                        if d == largest:
                            connection.execute(statement)
                        else:
                            with pytest.raises(psycopg.Error, match="more than"):
                                connection.execute(statement)
            with pytest.raises(psycopg.Error, match="16000"):
                connection.execute("CREATE TABLE wide (e vector(16001))")


class TestReader:
    """The file, read without a server."""

    def test_rows_of_any_width_come_back(self, tmp_path):
        import pyarrow as pa

        values = ["", "x" * 40_000_000, "é\t", "last"]
        write_rows(tmp_path / "f", [[text_field(pa.array(values[:3]))], [text_field(pa.array(values[3:]))]])
        found = [value.decode() for (column,) in read_rows(tmp_path / "f", 1) for value in column.to_pylist()]
        assert found == values

    @pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[1:], lambda b: b + b"x", lambda b: b[:40]])
    def test_a_damaged_file_is_refused(self, made, tmp_path, damage):
        data = (made(index="none")[0] / "vectors.copy").read_bytes()
        (tmp_path / "f").write_bytes(damage(data))
        with pytest.raises(IntegrityError):
            list(read_rows(tmp_path / "f", 4))

    def test_an_id_that_is_no_text_is_refused(self, made):
        folder = made(index="none")[0]
        data = bytearray((folder / "vectors.copy").read_bytes())
        data[25] = 0xFF  # the first byte of the first id
        (folder / "vectors.copy").write_bytes(data)
        with pytest.raises(IntegrityError, match=r"UTF8[\s\S]*vectors\.copy"):
            list(open_format("pgvector").read(folder))
