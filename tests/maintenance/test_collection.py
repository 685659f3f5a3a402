"""`gc` removes what nothing needs, nothing else, and leaves a whole store wherever it is stopped."""

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import carry, die, embedded
from typer.testing import CliRunner

from sphering.catalog.rebuild import rebuild
from sphering.cli.app import app
from sphering.cli.facts import describe, describe_all
from sphering.config.model import Config
from sphering.errors import InputError, LeaseHeldError, LeaseLostError, NotFoundError
from sphering.maintenance.collection import collect
from sphering.maintenance.publication import publish, rollback
from sphering.maintenance.verify import verify
from sphering.run import kept_moments
from sphering.run.begin import begin
from sphering.run.embed import embed_unit
from sphering.run.finish import finish
from sphering.run.ingest import ingest
from sphering.run.units import plan_units
from sphering.store.corpus import CorpusStore
from sphering.store.documents import create_document
from sphering.store.lease import newest
from sphering.store.local_files import LocalFiles
from sphering.store.store import Store

NIGHTS = (slice(0, 40), slice(0, 41), slice(20, 70), slice(20, 71))
TABLES = {"transform": {"kind": "center", "refit": "always"}, "run": {"unit_rows": 8}}


class Interrupted(BaseException):
    """What a killed process does not survive."""


class StoppedFiles(LocalFiles):
    """Files that let so many be removed from a corpus, and then no more."""

    left = 0

    def remove(self, key):
        if key.startswith("corpora/"):
            if self.left == 0:
                raise Interrupted
            self.left -= 1
        super().remove(key)


@pytest.fixture(scope="module")
def template(questions, tmp_path_factory):
    """A store of four nights that are long past; the releases in order."""
    folder = tmp_path_factory.mktemp("nights")
    releases = []
    for rows in NIGHTS:
        ids, texts = zip(*questions[rows], strict=True)
        pq.write_table(pa.table({"id": ids, "text": texts}), folder / "source.parquet")
        config = {
            "corpus": "questions",
            "store": str(folder / "store"),
            "source": {"path": str(folder / "source.parquet")},
            "encoder": {"backend": "torch"},
            "export": [{"name": "matrix", "format": "npy"}],
            **TABLES,
        }
        releases.append(carry(Config.model_validate(config))["release"])
    return folder / "store", releases


@pytest.fixture
def store(template, tmp_path):
    """A copy of the template, every file a month old."""
    shutil.copytree(template[0], tmp_path / "store")
    age(tmp_path / "store")
    return Store.open(tmp_path / "store").corpus("questions")


@pytest.fixture
def night(corpus, questions):
    """Return the configuration of a night over some questions, in the copied store."""
    return lambda rows, **tables: corpus(questions[rows], **{**TABLES, **tables})


def age(folder, days=30):
    then = time.time() - days * 86400
    for path in Path(folder).rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def stored(store):
    return set(store.files.walk("corpora"))


def shards(store, *releases):
    manifests = [store.manifest(store.release(name).snapshot) for name in releases]
    return {store.layout.shard(manifest.encoder, entry.id) for manifest in manifests for entry in manifest.shards}


def stored_shards(store):
    return {key for key in store.files.walk(store.layout.all_shards) if "probe" not in key and key.endswith(".parquet")}


def parts(store, name):
    """Return the keys that a release has for itself."""
    release, layout = store.release(name), store.layout
    folders = [
        f"{layout.releases}/{release.id}",
        f"{layout.snapshots}/{release.snapshot}",
        f"{layout.reports}/{release.report}",
        layout.transform(release.transform),
        *(entry.path for entry in release.exports),
    ]
    return {key for folder in folders for key in store.files.walk(folder)}


def read_everything(store):
    """Read what each reader reads: the catalog, the lists, the documents that refs name."""
    rebuild(Store(store.files))
    described = describe_all(store, runs=True)
    for name in ("latest", "published"):
        assert describe(store, name)["snapshot"] in {entry["snapshot"] for entry in described}
        manifest = store.manifest(store.find_release(name).snapshot)
        assert store.snapshot(manifest.id).scan().collect().height == manifest.documents


def begun_and_killed(config):
    """Begin a run, let it create one shard, and kill it."""
    workspace = begin(config)
    ingest(workspace)
    plan_units(workspace)
    embed_unit(workspace, 0)
    die(workspace)


def test_a_dry_run_removes_nothing_and_says_what_would_be_removed(store):
    before = stored(store)
    said = collect(store, keep=1, grace_days=0, delete=False)
    assert stored(store) == before
    assert not said.deleted
    done = collect(store, keep=1, grace_days=0, delete=True)
    assert done.removed == said.removed
    assert sum(counts["files"] for counts in done.removed.values()) == len(before) - len(stored(store)) > 0
    assert set(done.removed) == {"release", "snapshot", "export", "report", "transform", "shard"}


def test_only_what_refs_and_the_newest_published_releases_need_stays(store, template):
    *gone, third, fourth = template[1]
    others = set().union(*(parts(store, name) for name in gone))
    needed = parts(store, third) | parts(store, fourth) | shards(store, third, fourth)
    done = collect(store, keep=2, grace_days=0, delete=True)
    assert store.release_ids() == sorted([third, fourth])
    assert needed <= stored(store)
    assert not (others - needed) & stored(store)
    assert stored_shards(store) == shards(store, third, fourth)
    assert done.kept["releases"] == 2
    assert verify(store).sound
    read_everything(store)


def test_shards_that_a_kept_snapshot_shares_with_an_older_one_stay(store, template):
    shared = shards(store, template[1][1]) & shards(store, template[1][3])
    own = shards(store, *template[1][:2]) - shards(store, template[1][3])
    assert shared
    assert own
    collect(store, keep=1, grace_days=0, delete=True)
    assert shared <= stored_shards(store)
    assert not own & stored_shards(store)


def test_records_refs_histories_probes_and_pins_stay(store):
    create_document(store.files, store.layout.pin("model"), {"backend": "torch"})
    folders = (store.layout.runs, store.layout.refs, store.layout.pins)
    kept = {key for folder in folders for key in store.files.walk(folder)}
    kept |= {key for key in stored(store) if key.endswith("probe.parquet")}
    age(store.files.root)
    collect(store, keep=0, grace_days=0, delete=True)
    assert kept <= stored(store)
    assert len(store.refs.history("main", "published")) == len(NIGHTS)


def test_moments_go_with_their_shard_or_with_their_transform(store, template, monkeypatch):
    monkeypatch.setattr(kept_moments, "ROWS_A_DIMENSION", 0)  # each shard is a long stretch
    first, last = (store.release(template[1][night]) for night in (0, 3))
    layout, encoder = store.layout, first.encoder

    def moments(key, *of):
        shard = Path(key).stem
        name = layout.moments(encoder, shard, kept_moments.moments_id((shard,), *of))
        store.files.replace(name, b"sums")
        return name

    staying = min(shards(store, last.id) & shards(store, first.id))
    leaving = min(shards(store, first.id) - shards(store, last.id))
    kept = {moments(staying, None), moments(staying, last.transform_sha256)}
    gone = {moments(staying, first.transform_sha256), moments(leaving, None), moments(staying, None, "mass")}
    age(store.files.root)
    collect(store, keep=1, grace_days=0, delete=True)
    assert kept <= stored(store)
    assert not gone & stored(store)


def test_an_evaluation_of_an_encoder_without_snapshots_goes(store, template):
    layout, encoder = store.layout, store.release(template[1][3]).encoder
    keys = {name: f"{layout.evaluation(name)}/manifest.json" for name in (encoder, "another")}
    for name, key in keys.items():
        create_document(store.files, key, {"encoder": name})
    age(store.files.root)
    collect(store, keep=1, grace_days=0, delete=True)
    assert store.files.exists(keys[encoder])
    assert not store.files.exists(keys["another"])


def test_within_the_grace_nothing_goes(store):
    age(store.files.root, days=6)
    before = stored(store)
    assert collect(store, keep=0, grace_days=7, delete=True).removed == {}
    assert stored(store) == before


def test_shards_of_a_killed_run_stay_until_the_grace_is_over(store, night):
    before = stored_shards(store)
    begun_and_killed(night(slice(20, 90)))
    (left,) = stored_shards(store) - before
    collect(store, keep=1, grace_days=7, delete=True)
    assert store.files.exists(left)
    age(store.files.root)
    collect(store, keep=1, grace_days=7, delete=True)
    assert not store.files.exists(left)
    assert verify(store).sound
    assert carry(night(slice(20, 90)))["release_status"] == "published"
    assert verify(store).sound


def test_an_old_snapshot_in_which_a_young_run_ended_stays(store, template, night):
    first = store.release(template[1][0])
    assert finish(embedded(night(NIGHTS[0]), "embed"))["snapshot"] == first.snapshot
    collect(store, keep=1, grace_days=7, delete=True)
    assert first.snapshot in store.snapshot_ids()
    assert not store.has_release(first.id)
    assert shards(store, template[1][3]) < stored_shards(store)
    assert verify(store).sound


def test_of_a_withdrawn_release_the_file_stays_that_says_so(store, template, night):
    *_, third, fourth = template[1]
    rollback(store, "main", "wrong prices")
    age(store.files.root)
    withdrawn = parts(store, fourth) - {store.layout.release(fourth)}
    collect(store, keep=1, grace_days=0, delete=True)
    assert not withdrawn & stored(store)
    assert store.release(fourth).id == fourth
    assert verify(store).sound
    read_everything(store)
    with pytest.raises(InputError, match="was withdrawn"):
        publish(store, "main", store.release(fourth), "never mind")
    for _ in range(2):
        tonight = carry(night(NIGHTS[3]))
        assert (tonight["release"], tonight["release_status"], tonight["exit_code"]) == (fourth, "withdrawn", 3)
        assert store.find_release("published").id == third
        assert verify(store).sound
        read_everything(store)


def test_a_withdrawn_release_goes_whole_though_its_snapshot_is_anothers(store, template, night):
    again = carry(night(NIGHTS[3], transform={"kind": "standard"}))
    assert again["release_status"] == "published"
    rollback(store, "main", "wrong transform")
    age(store.files.root)
    assert store.find_release("published").id == template[1][3]
    collect(store, keep=1, grace_days=0, delete=True)
    assert not store.files.exists(store.layout.page(again["release"]))
    assert not store.files.walk(store.release(again["release"]).exports[0].path)
    assert store.release(again["release"]).snapshot in store.snapshot_ids()
    assert verify(store).sound


def stop_after_each_removal(store, keep, look):
    """Collect one removal at a time; the next collection goes on where this one was stopped."""
    files = StoppedFiles(store.files.root)
    stopped = CorpusStore(files, store.name)
    planned = sum(counts["files"] for counts in collect(store, keep=keep, grace_days=0, delete=False).removed.values())
    for removal in range(planned):
        before = len(stored(store))
        files.left = 1
        with suppress(Interrupted):
            collect(stopped, keep=keep, grace_days=0, delete=True)
        assert len(stored(store)) == before - 1
        look(removal)
    assert collect(store, keep=keep, grace_days=0, delete=True).removed == {}


def test_a_collection_that_is_stopped_after_any_removal_leaves_a_sound_store(store):
    rollback(store, "main", "wrong prices")
    age(store.files.root)

    def look(removal):
        assert verify(store, "published").wrong == []
        assert removal % 4 or verify(store).wrong == []

    stop_after_each_removal(store, 2, look)
    assert verify(store).wrong == []
    read_everything(store)


@pytest.mark.soak
@pytest.mark.parametrize("withdraws", [False, True])
def test_every_reader_works_after_any_removal(store, withdraws):
    if withdraws:
        rollback(store, "main", "wrong prices")
        age(store.files.root)

    def look(_):
        assert verify(store).wrong == []
        read_everything(store)

    stop_after_each_removal(store, 1, look)


@pytest.mark.parametrize("removals", [1, 4, 8, 12, 16])
def test_a_run_after_a_stopped_collection_makes_again_what_it_needs(store, template, night, removals):
    files = StoppedFiles(store.files.root)
    files.left = removals
    with pytest.raises(Interrupted):
        collect(CorpusStore(files, store.name), keep=1, grace_days=0, delete=True)
    tonight = carry(night(NIGHTS[2]))
    assert (tonight["release_status"], tonight["documents"]) == ("published", 50)
    assert verify(store).sound
    read_everything(store)


def test_it_never_works_beside_a_run(store, night):
    workspace = begin(night(NIGHTS[3]))
    before = stored(store)
    assert collect(store, keep=1, grace_days=0, delete=False).removed
    with pytest.raises(LeaseHeldError):
        collect(store, keep=1, grace_days=0, delete=True)
    assert stored(store) == before
    die(workspace)
    assert collect(store, keep=1, grace_days=0, delete=True).removed


def test_it_removes_nothing_more_once_a_run_has_taken_its_lease(store):
    class Overtaken(LocalFiles):
        def remove(self, key):
            super().remove(key)
            if key.startswith("corpora/"):
                held = newest(self, store.layout)
                create_document(self, store.layout.lock(held.number + 1), asdict(replace(held, number=held.number + 1)))

    before = stored(store)
    with pytest.raises(LeaseLostError):
        collect(CorpusStore(Overtaken(store.files.root), store.name), keep=1, grace_days=0, delete=True)
    assert len(stored(store)) == len(before) - 1


def test_nights_after_it_are_as_they_were(store, template, night):
    collect(store, keep=1, grace_days=0, delete=True)
    same = carry(night(NIGHTS[3]))
    assert (same["release"], same["release_status"], same["encoded"]) == (template[1][3], "unchanged", 0)
    changed = carry(night(slice(20, 72)))
    assert (changed["release_status"], changed["encoded"]) == ("published", 1)
    assert verify(store).sound


def test_a_rollback_after_it_goes_to_what_was_kept(store, template):
    collect(store, keep=2, grace_days=0, delete=True)
    assert rollback(store, "main", "wrong prices").release == template[1][2]
    assert verify(store).sound
    with pytest.raises(NotFoundError, match="still stands"):
        rollback(store, "main", "those as well")


def test_the_command_shows_removes_and_leaves_the_other_commands_whole(store):
    def ask(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--store", str(store.files.root), "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    assert ask("gc", "--keep", "1")["removed"] == {}  # all was published within 30 days
    shown = ask("gc", "--keep", "1", "--published", "0")
    assert not shown["deleted"]
    assert ask("gc", "--keep", "1", "--published", "0", "--delete")["removed"] == shown["removed"] != {}
    assert len(ask("snapshots")["snapshots"]) == 1
    assert ask("show", "published")["documents"] == 51
    assert ask("sql", "SELECT count(*) AS n FROM questions.published")["rows"] == [{"n": 51}]
    assert ask("sql", "SELECT count(*) AS n FROM runs")["rows"] == [{"n": len(NIGHTS)}]
    assert ask("verify")["sound"]
