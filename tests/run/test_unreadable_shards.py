"""A shard that nothing of tonight needs and that cannot be read does not stop a night."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import carry, die, small

from sphering.errors import IntegrityError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.embed import embed_unit
from sphering.run.finish import abandon
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.run.units import plan_units
from sphering.store.store import Store


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_parquet(path):
    path.write_bytes(b"this is no Parquet file")


def emptied(path):
    path.write_bytes(b"")


def of_other_columns(path):
    pq.write_table(pa.table({"id": ["a"]}), path)


DAMAGES = [truncated, no_parquet, emptied, of_other_columns]


def store_of(config):
    return Store.open(Path(config.store)).corpus(config.corpus)


def shards_of(config):
    store = store_of(config)
    (encoder,) = store.files.children(store.layout.all_shards)
    folder = store.files.path(store.layout.shards(encoder))
    return {path for path in folder.glob("*.parquet") if path.name != "probe.parquet"}


@pytest.fixture(scope="module")
def killed(questions, tmp_path_factory):
    """A store with a snapshot, and the shard that a run over other texts left there when it was killed."""
    folder, tables = tmp_path_factory.mktemp("killed"), {"run": {"unit_rows": 32}}
    carry(small(folder, questions[:20], **tables))
    config = small(folder, questions[:60], **tables)
    before = shards_of(config)
    workspace = begin(config)
    ingest(workspace)
    plan_units(workspace)
    embed_unit(workspace, 0)
    die(workspace)
    (left,) = shards_of(config) - before
    return Path(config.store), left


@pytest.fixture
def orphan(killed, tmp_path):
    """The shard of the killed run, in a copy of its store."""
    store, left = killed
    shutil.copytree(store, tmp_path / "store")
    return tmp_path / "store" / left.relative_to(store)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_changed_night_leaves_an_unreadable_orphan_out_and_names_it(damage, orphan, run, corpus, questions, caplog):
    damage(orphan)
    config = corpus(questions)
    result = run(config)
    assert (result["documents"], result["release_status"]) == (120, "published")
    assert result["encoded"] == 100  # none of the orphan's texts has a vector that can be read
    (warning,) = [record for record in caplog.records if str(orphan) in record.getMessage()]
    assert warning.levelname == "WARNING"
    assert verify(store_of(config)).sound


def test_what_other_orphans_hold_is_still_reused(orphan, run, corpus, questions):
    no_parquet(orphan.with_name("0123456789abcdef.parquet"))
    assert run(corpus(questions))["encoded"] < 100


def test_a_plan_counts_the_texts_of_an_unreadable_orphan_as_new(orphan, corpus, questions):
    truncated(orphan)
    assert plan(corpus(questions))["encode"] == 100


def test_an_unreadable_shard_of_an_old_snapshot_does_not_stop_a_night(copied_nights, run, corpus, questions):
    copied_nights(40)
    old = shards_of(corpus(questions))
    run(corpus(questions[60:]))
    for path in old:
        truncated(path)
    result = run(corpus(questions[20:]))
    assert (result["documents"], result["release_status"]) == (100, "published")


@pytest.mark.parametrize("damage", [truncated, no_parquet, emptied])
def test_a_damaged_shard_is_not_adopted_and_a_night_goes_on_once_it_is_removed(damage, orphan, run, corpus, questions):
    damage(orphan)
    config = corpus(questions[:60])  # cuts the unit that the orphan was made of
    workspace = begin(config)
    ingest(workspace)
    plan_units(workspace)
    with pytest.raises(IntegrityError, match="cannot be adopted") as error:
        embed_unit(workspace, 0)
    abandon(workspace, error.value)
    assert (error.value.where, error.value.remedy) == (str(orphan), "remove this file, then run again")
    orphan.unlink()
    assert run(config)["release_status"] == "published"
    assert verify(store_of(config)).sound
