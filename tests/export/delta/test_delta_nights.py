"""Deltas over nights of changes: an index that each brings to the next release holds what the full export holds."""

import json
import re
import shutil
from pathlib import Path
from uuid import uuid5

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sphering.catalog.ask import ask
from sphering.cli.facts import describe
from sphering.config.export import ExportConfig
from sphering.config.model import Config
from sphering.export.facts import measured_words
from sphering.export.matrix.ordered import NAMESPACE
from sphering.maintenance.verify import verify
from sphering.run.delta_base import delta_base
from sphering.sqltext import quote_identifier
from sphering.store.store import Store
from tests.export.postgres import new_database
from tests.export.qdrant import serving

D = 6
TABLES = {"table": "table", "halves": "o'dd na\"me"}
MIDDLE = "in the middle"
"""A text whose vector is the mean, of which centring leaves nothing."""
EXPORTS = [
    {"name": "rows", "format": "parquet", "delta": True},
    {"name": "table", "format": "pgvector", "delta": True, "metadata": ["label"]},
    {
        "name": "halves",
        "format": "pgvector",
        "delta": True,
        "dtype": "float16",
        "table": "o'dd na\"me",
        "index": "none",
    },
    {"name": "points", "format": "qdrant", "delta": True},
    {"name": "plain", "format": "parquet"},
]


def vectors() -> dict[str, np.ndarray]:
    """Return the vectors of texts: 1 and then pairs of opposites, so that the mean of whole pairs is (1, 0, …)."""
    rng = np.random.default_rng(3)
    found = {MIDDLE: np.eye(1, D, dtype=np.float32)[0]}
    for pair in range(20):
        half = rng.standard_normal(D - 1).astype(np.float32)
        found[f"text {pair}"], found[f"opposite {pair}"] = np.float32([1, *half]), np.float32([1, *-half])
    return found


VECTORS = vectors()
FIRST = {
    f"d-{kind[0]}{pair}": (f"{kind} {pair}", f"label {pair % 3}", pair)
    for pair in range(10)
    for kind in ("text", "opposite")
}


@pytest.fixture(scope="module")
def first_nights():
    """The store of the first night over FIRST, and its result, once a test has run it."""
    return {}


@pytest.fixture
def night(tmp_path, tmp_path_factory, run, first_nights):
    """Return what takes documents, id: (text, label, other), to a release, and gives result and folders of exports.

    A night over FIRST that is the first of a store is run once; each test has a copy of what it left.
    """

    def go(documents, **tables):
        names = ("text", "label", "other")
        columns = {name: [row[at] for row in documents.values()] for at, name in enumerate(names)}
        pq.write_table(pa.table({"id": list(documents), **columns}), tmp_path / "source.parquet")
        schema = pa.schema([("text", pa.string()), ("embedding", pa.list_(pa.float32()))])
        known = {"text": list(VECTORS), "embedding": [vector.tolist() for vector in VECTORS.values()]}
        pq.write_table(pa.table(known, schema=schema), tmp_path / "vectors.parquet")
        source = {"path": str(tmp_path / "source.parquet"), "metadata": ["label", "other"]}
        encoder = {"kind": "precomputed", "identity": "a model", "vectors": str(tmp_path / "vectors.parquet")}
        settings = {
            "corpus": "nights",
            "base": str(tmp_path),
            "store": str(tmp_path / "store"),
            "source": source,
            "encoder": encoder,
            "transform": {"kind": "center", "refit": "never"},
            "export": EXPORTS,
            "gate": [{"metric": "excluded_share", "max": 1.0}],
        }
        config = Config.model_validate(settings | tables)
        first = documents is FIRST and not tables and not Path(config.store).exists()
        if first and first_nights:
            shutil.copytree(first_nights["store"], config.store)
        elif first:
            first_nights.update(result=run(config), store=tmp_path_factory.mktemp("first") / "store")
            shutil.copytree(config.store, first_nights["store"])
        result = first_nights["result"] if first else run(config)
        assert result["release_status"] in ("published", "unchanged"), result
        corpus = Store.at(config.store).corpus("nights")
        release = corpus.find_release("published")
        return result, {entry.name: corpus.files.path(entry.path) for entry in release.exports}, corpus

    return go


def manifest(folder) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def changed() -> list[dict]:
    """Return four nights after the first: adds, edits, removals, moves, new labels, documents in the middle."""
    second = dict(FIRST) | {"new 'id'\\": ("text 11", "added", 1), "d-t0": ("text 12", "edited", 0)}
    second["d-t1"] = ("text 1", "relabelled", 1)
    del second["d-o2"], second["d-o3"]
    second["moved"] = ("opposite 3", "label 0", 3)
    third = dict(second) | {"d-t4": (MIDDLE, "gone from the exports", 4), "d-t5": (*second["d-t5"][:2], 99)}
    third["d-o2"] = FIRST["d-o2"]
    fourth = dict(third) | {"d-t4": ("text 4", "back", 4), "d-t1": (MIDDLE, "x", 1), "tab\t": ("text 13", "new", 0)}
    del fourth["new 'id'\\"]
    fifth = dict(fourth) | {"d-t1": (MIDDLE, "y", 1), "d-t6": (FIRST["d-t6"][0], "last", 6)}
    return [second, third, fourth, fifth]


def test_every_delta_in_order_gives_what_the_full_export_gives(night, server):
    database, fresh = new_database(server, "deltas"), new_database(server, "fresh")
    _, folders, _ = night(FIRST)
    for name in TABLES:
        database.psql(folders[name], "load.sql")
    held = {row["doc_id"]: row for row in pq.read_table(folders["rows"] / "vectors.parquet").to_pylist()}
    with serving() as qdrant:
        assert qdrant.run(folders["points"], "load.sh").returncode == 0
        for documents in changed():
            result, folders, corpus = night(documents)
            assert result["release_status"] == "published"
            assert manifest(folders["rows"])["delta"]["base"] == corpus.release(result["release"]).base
            for name, of in TABLES.items():
                database.psql(folders[name], "delta.sql")
                fresh.psql(folders[name], "load.sql")
                assert table(database, of) == table(fresh, of)
            sent = qdrant.run(folders["points"], "delta.sh")
            assert sent.returncode == 0, sent.stderr
            held = applied(held, folders["rows"])
            full = pq.read_table(folders["rows"] / "vectors.parquet").to_pylist()
            assert sorted(held.values(), key=lambda row: row["doc_id"].encode()) == full
            with serving() as other:
                assert other.run(folders["points"], "load.sh").returncode == 0
                assert points(qdrant) == points(other)
    assert verify(corpus).wrong == []


def applied(held: dict, folder) -> dict:
    """Apply a delta of Parquet files to rows by their ids."""
    rows = dict(held)
    for row in pq.read_table(folder / "delta-deletes.parquet").to_pylist():
        assert row["uuid"] == rows.pop(row["doc_id"])["uuid"]
    for row in pq.read_table(folder / "delta-upserts.parquet").to_pylist():
        rows[row["doc_id"]] = row
    for row in pq.read_table(folder / "delta-payload.parquet").to_pylist():
        rows[row["doc_id"]] = {**rows[row["doc_id"]], "metadata": row["metadata"]}
    return rows


def table(database, name="table") -> list:
    quoted = quote_identifier(name)
    with database.connect() as connection:
        found = connection.execute(
            f"SELECT uuid, doc_id, embedding::text, metadata FROM {quoted} ORDER BY uuid"
        ).fetchall()
        return [*found, connection.execute("SELECT obj_description(%s::regclass)", (quoted,)).fetchall()]


def points(qdrant) -> list:
    found = qdrant.client.scroll("points", limit=1000, with_vectors=True)[0]
    return sorted((point.id, point.vector, json.dumps(point.payload, sort_keys=True)) for point in found)


def test_the_manifest_counts_what_changed(night):
    night(FIRST)
    second, third, fourth, fifth = changed()
    counted = []
    for documents in (second, third, fourth, fifth):
        _, folders, _ = night(documents)
        delta = manifest(folders["rows"])["delta"]
        counted.append((delta["upserts"], delta["deletes"], delta["payload_updates"]))
        assert delta == json.loads((folders["rows"] / "delta.json").read_text())
        assert set(delta["files"]) == {path.name for path in folders["rows"].glob("delta-*")}
        assert {*delta["files"], "delta.json"} <= set(manifest(folders["rows"])["files"])
        assert "delta" not in manifest(folders["plain"])
        deletes = pq.read_table(folders["rows"] / "delta-deletes.parquet").to_pylist()
        assert all(row["uuid"] == str(uuid5(NAMESPACE, row["doc_id"])) for row in deletes)
    assert counted == [(3, 2, 1), (1, 1, 1), (2, 2, 0), (0, 0, 1)]


def test_a_run_show_and_the_catalog_say_what_a_delta_holds(night):
    first, _, corpus = night(FIRST)
    second, _, _ = night(changed()[0])
    said = {entry["name"]: measured_words(entry) for entry in describe(corpus, second["release"])["exports"]}
    assert said["rows"] == f"delta against {first['release']}: 3 upserts, 2 deletes, 1 payload updates"
    assert said["plain"] == ""
    shown = {entry["name"]: measured_words(entry) for entry in describe(corpus, first["release"])["exports"]}
    assert shown["rows"] == "no delta: there is no release before it"
    names = "delta_base, delta_upserts, delta_deletes, delta_payload_updates"
    query = f"SELECT name, {names} FROM exports WHERE release = '{second['release']}' AND name IN ('rows', 'plain')"
    _, rows = ask(Store.at(corpus.files.root), query)
    assert sorted(rows) == [("plain", None, None, None, None), ("rows", first["release"], 3, 2, 1)]


def test_metadata_that_an_export_leaves_out_changes_nothing_in_it(night):
    night(FIRST)
    _, folders, _ = night(FIRST | {"d-t5": (*FIRST["d-t5"][:2], 99)})
    assert manifest(folders["rows"])["delta"]["payload_updates"] == 1
    assert manifest(folders["table"])["delta"]["payload_updates"] == 0


def test_a_night_without_change_stays_unchanged(night):
    night(FIRST)
    second, _, _ = night(FIRST)
    assert second["release_status"] == "unchanged"
    changed_night, _, _ = night(changed()[0])
    after, _, _ = night(changed()[0])
    assert (after["release_status"], after["release"]) == ("unchanged", changed_night["release"])


def test_without_a_base_the_manifest_says_why_there_is_no_delta(night):
    def reasons(folders):
        found = [manifest(folders[name])["delta"] for name in ("rows", "table", "points")]
        assert all(set(delta) == {"base", "reason"} for delta in found)
        assert not list(folders["rows"].glob("delta-*"))
        return {delta["reason"] for delta in found}

    assert reasons(night(FIRST)[1]) == {"there is no release before it"}
    second = changed()[0]
    another = night(second, transform={"kind": "none"})[1]
    assert reasons(another) == {"the release before it has another transform, so that every vector is another"}
    tables = [{**entry, "truncate_dim": 4} for entry in EXPORTS]
    cut = night(second, transform={"kind": "none"}, export=tables)[1]
    assert reasons(cut) == {"the export's table was another in the release before it"}
    named = [*tables, {"name": "later", "format": "parquet", "delta": True}]
    later = night(second, transform={"kind": "none"}, export=named)[1]
    assert manifest(later["later"])["delta"]["reason"] == "the release before it has no export 'later'"
    assert manifest(later["rows"])["delta"]["upserts"] == 0


def test_an_index_that_stands_elsewhere_is_left_as_it_is(night, server):
    database = new_database(server, "elsewhere")
    _, folders, _ = night(FIRST)
    database.psql(folders["table"], "load.sql")
    second, third = (night(documents)[1] for documents in changed()[:2])
    before = table(database)
    refused = database.psql(third["table"], "delta.sql", check=False)
    assert refused.returncode == 3
    assert "load the full export" in refused.stderr
    assert table(database) == before
    with serving() as qdrant:
        qdrant.run(folders["points"], "load.sh")
        held = points(qdrant)
        assert qdrant.run(third["points"], "delta.sh").returncode != 0
        assert points(qdrant) == held
        assert qdrant.run(second["points"], "delta.sh").returncode == 0
        assert qdrant.run(third["points"], "delta.sh").returncode == 0
    database.psql(second["table"], "delta.sql")
    assert database.psql(second["table"], "delta.sql", check=False).returncode == 3


def test_a_table_that_something_else_changed_is_refused(night, server):
    database = new_database(server, "touched")
    _, folders, _ = night(FIRST)
    database.psql(folders["table"], "load.sql")
    with database.connect() as connection:
        connection.execute("DELETE FROM \"table\" WHERE doc_id = 'd-t7'")
    left = table(database)
    refused = database.psql(night(changed()[0])[1]["table"], "delta.sql", check=False)
    assert "changed by something else" in refused.stderr
    assert table(database) == left


def test_a_base_that_was_removed_leaves_the_reason(night):
    made, _, corpus = night(FIRST)
    release = corpus.release(made["release"])
    table = ExportConfig.model_validate(EXPORTS[0])
    (entry,) = [entry for entry in release.exports if entry.name == "rows"]
    assert delta_base(corpus, table, release.id, release.transform_sha256).export == entry.id
    of = corpus.layout
    shard = of.shard(release.encoder, corpus.manifest(release.snapshot).shards[0].id)
    for key in (f"{entry.path}/excluded.parquet", f"{entry.path}/manifest.json", shard, of.manifest(release.snapshot)):
        kept = corpus.files.read(key)
        corpus.files.remove(key)
        found = delta_base(corpus, table, release.id, release.transform_sha256)
        assert "was removed" in found.reason
        assert found.to_json()["base"] == release.id
        corpus.files.create(key, kept)
    corpus.files.remove(of.release(release.id))
    found = delta_base(corpus, table, release.id, release.transform_sha256)
    assert found.reason == "the release before it was removed"


def test_a_lost_export_is_made_again_with_its_delta(night):
    night(FIRST)
    made, folders, corpus = night(changed()[0])
    before = {path.name: path.read_bytes() for path in folders["rows"].iterdir()}
    shutil.rmtree(folders["rows"])
    again, folders, _ = night(changed()[0])
    assert (again["release_status"], again["release"]) == ("unchanged", made["release"])
    assert {path.name: path.read_bytes() for path in folders["rows"].iterdir()} == before
    assert verify(corpus).wrong == []


def test_a_changed_byte_of_a_delta_is_found(night):
    night(FIRST)
    _, folders, corpus = night(changed()[0])
    path = folders["table"] / "delta-payload.copy"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.unlink()
    path.write_bytes(data)
    (wrong,) = verify(corpus).wrong
    assert "delta-payload.copy" in str(wrong)


def test_the_documented_lines_apply_a_delta(night, monkeypatch):
    text = (Path(__file__).parents[3] / "docs" / "exports.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(import polars as pl\n.*?delta-deletes.*?)```", text, re.DOTALL)
    names = {"index": pl.read_parquet(night(FIRST)[1]["rows"] / "vectors.parquet")}
    for documents in changed():
        folder = night(documents)[1]["rows"]
        monkeypatch.chdir(folder)
        exec(lines, names)
        assert names["index"].equals(pl.read_parquet(folder / "vectors.parquet"))
