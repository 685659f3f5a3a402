"""A whole store in an object store: the nights, their bytes, two runs at once, and a server that is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nights import looked_up
from typer.testing import CliRunner

import sphering
from sphering.cli.app import app
from sphering.cli.pull import pull_export
from sphering.errors import LeaseHeldError, SpheringError, StoreLostError
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.embed import embed_unit
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.run.units import plan_units
from sphering.store.store import Store

from object_store import SECRET  # isort: skip

NIGHTS = Path(__file__).parents[1] / "nights.py"


@pytest.fixture
def url(s3):
    return f"{s3.bucket()}/stores/nightly"


@pytest.fixture
def configured(corpus):
    """Return a function that writes documents and returns a configuration over them, with a store elsewhere."""

    def write(documents, place, **tables):
        config = corpus(documents, **tables)
        return config.model_copy(update={"store": str(place)})

    return write


def toml(config, folder, **encoder):
    """Write a configuration as the file that a command reads."""
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (encoder or {"backend": "torch"}).items())
    file = folder / "sphering.toml"
    file.write_text(
        f'corpus = "questions"\nstore = "{config.store}"\n'
        f'[source]\npath = "{config.source.path}"\n[encoder]\n{settings}[transform]\nkind = "none"\n'
        '[[export]]\nname = "matrix"\nformat = "npy"\n[run]\nunit_rows = 32\n'
    )
    return file


def is_sound(store):
    return verify(store.corpus("questions")).sound


def vectors_of(store, release, folder):
    entry = next(entry for entry in release.exports if entry.name == "matrix")
    pull_export(store.corpus("questions"), entry, folder, if_changed=False)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".npy"}


class TestNights:
    def test_three_nights_are_those_of_a_folder(self, run, configured, questions, url, tmp_path):
        changed = [*questions[5:], ("new", "May I pay with a card that has expired?")]
        places = (url, tmp_path / "local")
        results = {}
        for place in places:
            results[place] = [run(configured(night, place)) for night in (questions, questions, changed)]
        remote, local = (Store.open(place) for place in places)
        for there, here in zip(results[url], results[places[1]], strict=True):
            for name in ("snapshot", "snapshot_status", "release", "release_status", "encoded", "reused", "removed"):
                assert there[name] == here[name]
        statuses = [result["release_status"] for result in results[url]]
        assert statuses == ["published", "unchanged", "published"]
        release = remote.corpus("questions").find_release("published")
        here = local.corpus("questions")
        assert remote.corpus("questions").manifest(release.snapshot).content_digest == (
            here.manifest(release.snapshot).content_digest
        )
        there = vectors_of(remote, release, tmp_path / "pulled-there")
        assert there
        assert there == vectors_of(local, here.find_release("published"), tmp_path / "pulled-here")
        assert is_sound(remote)
        self._nothing_but_the_store_lies_there(remote)
        self._nowhere_is_the_secret(remote, tmp_path)

    def _nothing_but_the_store_lies_there(self, store):
        kinds = {key.split("/")[2] for key in store.files.walk("corpora")}
        assert kinds <= {
            "shards",
            "encoders",
            "snapshots",
            "transforms",
            "reports",
            "exports",
            "releases",
            "runs",
            "refs",
        }
        assert {key.split("/")[0] for key in store.files.walk("")} == {"store.json", "corpora", "locks"}

    def _nowhere_is_the_secret(self, store, folder):
        stored = [key for key in store.files.walk("") if SECRET.encode() in store.files.read(key)]
        cached = [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert stored == cached == []

    def test_a_plan_writes_nothing_and_the_door_reads(self, run, configured, questions, url):
        assert plan(configured(questions, url))["encode"] == len(questions)
        assert Store.at(url).files.walk("") == []
        run(configured(questions, url))
        assert plan(configured(questions, url))["encode"] == 0
        release = sphering.open(url).corpus("questions").release("published")
        assert release.scan().collect()["doc_id"].sort().to_list() == sorted(name for name, _ in questions)

    def test_a_shard_that_is_gone_is_not_read_from_the_mirror_and_a_changed_byte_is_found(
        self, run, configured, questions, url
    ):
        run(configured(questions, url))
        store = Store.open(url)
        assert is_sound(store)
        shard = next(key for key in store.files.walk("corpora") if "/shards/" in key and "probe" not in key)
        whole = store.files.read(shard)
        store.files.replace(shard, whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        assert [entry["where"] for entry in verify(store.corpus("questions")).wrong] == [store.files.where(shard)]
        store.files.remove(shard)
        with pytest.raises(SpheringError):
            list(store.corpus("questions").snapshot(store.corpus("questions").snapshot_ids()[0]).vectors())
        assert not is_sound(store)


@pytest.mark.command
class TestTwoRuns:
    @pytest.mark.parametrize("kind", ["folder", "s3"])
    def test_of_two_runs_at_once_one_commits_and_the_other_finds_it_done(
        self, kind, configured, questions, tmp_path, request
    ):
        url = request.getfixturevalue("url") if kind == "s3" else str(tmp_path / "store")
        encoder = looked_up(tmp_path, [text for _, text in questions], 384)
        file = toml(configured(questions, url), tmp_path, **encoder)
        runs = [
            subprocess.Popen(
                [sys.executable, str(NIGHTS), str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        said = [one.communicate(timeout=240) for one in runs]
        assert [one.returncode for one in runs] == [0, 0], said
        records = Store.open(url).corpus("questions").run_records()
        assert sorted(record["release_status"] for record in records) == ["published", "unchanged"]
        assert sorted(record["encoded"] for record in records) == [0, len(questions)]
        assert is_sound(Store.open(url))

    def test_a_run_that_does_not_wait_is_told_who_works_there(self, configured, questions, url):
        config = configured(questions, url)
        begin(config)
        impatient = config.model_copy(update={"run": config.run.model_copy(update={"wait": False})})
        with pytest.raises(LeaseHeldError, match="is being worked on by"):
            begin(impatient)


@pytest.mark.command
class TestLostServer:
    def test_a_run_that_loses_its_store_says_so_and_the_last_release_stays(
        self, own_s3, run, configured, questions, tmp_path
    ):
        url = f"{own_s3.bucket()}/nightly"
        first = run(configured(questions, url))
        workspace = begin(configured([*questions[1:], ("new", "Which currencies do you hold?")], url))
        ingest(workspace)
        plan_units(workspace)
        kept = objects(own_s3, url)
        own_s3.stop()
        with pytest.raises(StoreLostError, match="does not answer") as refused:
            embed_unit(workspace, 0)
        assert refused.value.again_from == "step"
        for words in ("expected:", "where:", "do:", url):
            assert words in str(refused.value)
        assert SECRET not in str(refused.value)
        own_s3.start()
        restore(own_s3, url, kept)
        assert Store.open(url).corpus("questions").find_release("published").id == first["release"]
        assert is_sound(Store.open(url))

    def test_a_command_that_loses_its_store_prints_no_secret(self, own_s3, run, configured, questions, tmp_path):
        url = f"{own_s3.bucket()}/nightly"
        run(configured(questions, url))
        own_s3.stop()
        done = subprocess.run(
            [sys.executable, "-m", "sphering.cli", "show", "-v", "--store", url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == StoreLostError.exit_code
        assert "the object store does not answer" in done.stderr
        assert SECRET not in done.stdout + done.stderr


def objects(store, url):
    """Return all that lies in a bucket."""
    client, bucket = store.client(), url.split("/")[2]
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    return {entry["Key"]: client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in listed}


def restore(store, url, kept):
    """Put back what a server held that keeps nothing when it ends."""
    client, bucket = store.client(), url.split("/")[2]
    client.create_bucket(Bucket=bucket)
    for key, data in kept.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)


def asked(*arguments):
    """Run a command in this process, which the environment leads to the store too; return what it prints as JSON."""
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert SECRET not in done.output
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def invoke(*arguments):
    """Run a command in a process of its own and return what it prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "sphering.cli", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert SECRET not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.command
class TestCommands:
    def test_every_command_of_a_reader_works(self, run, configured, questions, url, tmp_path):
        result = run(configured(questions, url))
        place = ("--store", url)
        file = toml(configured(questions, url), tmp_path)
        assert invoke("show", *place)["release"] == result["release"]
        assert len(asked("snapshots", *place)["snapshots"]) == 1
        assert asked("verify", *place)["sound"]
        assert asked("gc", *place)["removed"] == {}
        assert asked("pull", *place, "--export", "matrix", str(tmp_path / "pulled"))["status"] == "pulled"
        assert asked("search", *place, questions[0][1])["hits"][0]["doc_id"] == questions[0][0]
        counted = asked("sql", *place, "SELECT count(*) AS n FROM questions.published")
        assert counted["rows"] == [{"n": len(questions)}]
        findings = asked("doctor", "--config", str(file))["checks"]
        found = {finding["check"]: finding for finding in findings}
        assert found["store"]["state"] == found["clock"]["state"] == "ok"
        assert "answers" in found["store"]["found"]

    @pytest.mark.soak
    def test_every_command_of_a_writer_works(self, configured, questions, url, tmp_path):
        nights = [questions[:40], questions[:41], questions[:42]]
        place = ("--store", url)
        first, second, third = (
            invoke("run", "--config", str(toml(configured(night, url), tmp_path)))["release"] for night in nights
        )
        assert invoke("diff", *place, first, third)["changes"]["added"] == 2
        assert invoke("rollback", *place, "--why", "prices were wrong")["release"] == second
        assert invoke("publish", *place, first, "--why", "by hand")["release"] == first
        file = toml(configured(nights[2], url), tmp_path)
        file.write_text(file.read_text().replace('kind = "none"', 'kind = "center"'))
        fitted = invoke("fit", "--config", str(file))["release"]
        assert fitted not in (first, second, third)
        file.write_text(file.read_text() + '[[export]]\nname = "again"\nformat = "fbin"\n')
        assert invoke("export", "--config", str(file))["release"] not in (first, second, third, fitted)
        (tmp_path / "erase.txt").write_text(questions[0][0] + "\n")
        purged = invoke("purge", *place, "--ids", str(tmp_path / "erase.txt"), "--why", "asked to")
        assert purged["ids"] == 1
        assert invoke("verify", *place)["sound"]
        assert invoke("gc", *place, "--keep", "1", "--grace", "0", "--published", "0", "--delete")["deleted"]
        assert is_sound(Store.open(url))
