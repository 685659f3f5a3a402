"""Qdrant: what its own engine makes of the bodies, sent by the script."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from uuid import uuid5

import numpy as np
import pyarrow as pa
import pytest
from qdrant_client import QdrantClient, models

from sphering.config.export import ExportConfig
from sphering.errors import InputError, IntegrityError
from sphering.export.codes import Code
from sphering.export.formats.qdrant import bodies
from sphering.export.formats.qdrant.bodies import points, quoted, write_bodies
from sphering.export.formats.qdrant.format import FORMAT
from sphering.export.make import write
from sphering.export.matrix.ordered import NAMESPACE
from sphering.export.opening import check_export
from tests.export.odd import ODD_IDS, ODD_METADATA, odd_matrix
from tests.export.qdrant import create_collection, serving


def config(**keys) -> ExportConfig:
    return ExportConfig.model_validate({"name": "tested", "format": "qdrant", **keys})


@pytest.fixture(scope="module")
def made(exported):
    return partial(exported, "qdrant")


@pytest.fixture
def server():
    with serving() as running:
        yield running


class TestSearch:
    """XQuAD's questions against its paragraphs, whitened."""

    def test_a_filter_asks_the_metadata(self, made, server, xquad):
        folder, job = made()
        server.run(folder, "load.sh")
        length = len(xquad.texts[17])
        condition = models.FieldCondition(key="metadata.length", match=models.MatchValue(value=length))
        found = server.client.query_points(
            "tested",
            query=job.matrix.rows(17, 1)[0].tolist(),
            query_filter=models.Filter(must=[condition]),
            limit=240,
        ).points
        assert {point.payload["doc_id"] for point in found} == {
            doc_id for doc_id, text in zip(xquad.doc_ids, xquad.texts, strict=True) if len(text) == length
        }
        assert found[0].payload["doc_id"] == xquad.doc_ids[17]
        assert found[0].id == str(uuid5(NAMESPACE, xquad.doc_ids[17]))


class TestLoad:
    """load.sh."""

    def test_readers_ask_an_alias_that_moves_when_a_new_collection_is_whole(self, made, server):
        folder, job = made()
        server.run(folder, "load.sh")
        later = dataclasses.replace(job, identity={"id": "1" * 16}, folder=folder.parent / "later")
        write(later)
        (later.folder / "points-00001.json").write_text('{"points": [{"id": -1.5, "vector": []}]}')
        assert server.run(later.folder, "load.sh").returncode != 0
        assert _at(server, "tested") == f"tested-from-{'0' * 16}"
        (later.folder / "points-00001.json").unlink()
        again = dataclasses.replace(later, identity={"id": "2" * 16})
        write(again)
        assert server.run(again.folder, "load.sh").returncode == 0
        assert _at(server, "tested") == f"tested-from-{'2' * 16}"

    def test_a_collection_that_is_there_already_is_left_alone(self, made, server):
        folder, _ = made()
        assert server.run(folder, "load.sh").returncode == 0
        assert server.run(folder, "load.sh").returncode != 0
        assert server.client.count("tested").count == 240

    def test_ids_and_metadata_of_every_kind_come_back(self, made, server, tmp_path):
        _, job = made()
        matrix = odd_matrix(job.matrix, tmp_path / "odd", {5: ("nul \0", {"nul": "\0"})})
        job = dataclasses.replace(job, matrix=matrix, folder=tmp_path / "files")
        write(job)
        assert server.run(tmp_path / "files", "load.sh").returncode == 0
        found = server.client.scroll("tested", limit=100, with_vectors=True)[0]
        expected = dict(zip(ODD_IDS, ODD_METADATA, strict=True))
        del expected[ODD_IDS[5]]
        expected["nul \0"] = {"nul": "\0"}
        assert {point.payload["doc_id"]: point.payload["metadata"] for point in found} == expected
        assert all(point.id == str(uuid5(NAMESPACE, point.payload["doc_id"])) for point in found)
        by_id = {point.payload["doc_id"]: np.array(point.vector, np.float32) for point in found}
        ids = job.matrix.ids.to_pylist()
        assert np.array_equal(np.stack([by_id[doc_id] for doc_id in ids]), matrix.vectors())

    def test_the_bodies_do_without_the_script(self, made):
        folder, _ = made()
        client = QdrantClient(":memory:")
        create_collection(client, "mine", json.loads((folder / "collection.json").read_text()))
        for path in sorted(folder.glob("points-*.json")):
            client.upsert("mine", points=models.PointsList.model_validate_json(path.read_text()).points)
        assert client.count("mine").count == 240


class TestBodies:
    """What a server accepts."""

    def test_every_body_is_below_the_limit_and_whole(self, made, tmp_path, monkeypatch):
        _, job = made()
        monkeypatch.setattr(bodies, "MAX_BODY", 20_000)
        names = write_bodies(tmp_path, "points", (b'{"points":[', b"]}"), points(job, Code()))
        assert names == sorted(path.name for path in tmp_path.iterdir())
        assert len(names) > 10
        assert max((tmp_path / name).stat().st_size for name in names) < 20_100
        assert sum(len(json.loads((tmp_path / name).read_text())["points"]) for name in names) == 240
        assert next(len(block.doc_ids) for block in FORMAT.read(tmp_path)) < 240
        assert sum(len(block.doc_ids) for block in FORMAT.read(tmp_path)) == 240

    def test_a_number_is_the_shortest_that_is_read_as_the_same_float32(self, made):
        _, job = made()
        text = points(job, Code()).__next__()[0].as_py()
        first = json.loads(text)["vector"]
        assert [repr(np.float32(value)) for value in first] == [repr(value) for value in job.matrix.rows(0, 1)[0]]
        assert len(text) < 128 * 13 + 200

    def test_no_strings_are_no_json(self):
        assert quoted(pa.array([], pa.string())).to_pylist() == []

    def test_a_point_that_no_request_can_hold_is_refused(self, made, tmp_path):
        _, job = made()
        matrix = odd_matrix(job.matrix, tmp_path / "odd", {3: ("long", {"text": "x" * 6_000_000})})
        job = dataclasses.replace(job, matrix=matrix, folder=tmp_path / "files")
        with pytest.raises(InputError, match="32 MB") as refused:
            write(job)
        assert "'long'" in str(refused.value.where)
        assert not (tmp_path / "files").exists()

    def test_more_dimensions_than_qdrant_takes_are_refused(self):
        with pytest.raises(InputError, match="65536"):
            check_export(config(), 65537)

    @pytest.mark.parametrize("damage", ['{"points":[]}', '{"points":[{"id":"a"}]}', "{", '{"points":[{"vector":[1]}]}'])
    def test_a_damaged_body_is_refused(self, tmp_path, damage):
        (tmp_path / "points-00000.json").write_text(damage)
        with pytest.raises(IntegrityError):
            list(FORMAT.read(tmp_path))


def _at(server, alias: str) -> str:
    aliases = server.client.get_aliases().aliases
    return next(entry.collection_name for entry in aliases if entry.alias_name == alias)
