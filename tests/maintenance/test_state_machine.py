"""Whatever happens to a corpus and its store, in whatever order, the promises hold against a naive model of both."""

import hashlib
import json
import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from nights import carry, die

from sphering.config.model import Config
from sphering.errors import InputError, NotFoundError
from sphering.maintenance.collection import collect
from sphering.maintenance.publication import publish as publish_by_hand
from sphering.maintenance.publication import rollback
from sphering.maintenance.verify import verify
from sphering.run.begin import begin
from sphering.run.commit import commit_snapshot
from sphering.run.embed import embed_unit
from sphering.run.evaluate import evaluate
from sphering.run.export import prepare_matrix, write_export
from sphering.run.fit import settle_transform
from sphering.run.ingest import ingest
from sphering.run.plan_release import plan_release
from sphering.run.release import commit_release, publish
from sphering.run.report import write_report
from sphering.run.units import plan_units
from sphering.run.workspace import Workspace
from sphering.store.store import Store

IDS = ("10", "9", "a", "B", "é", "z", "Ω", "ﬁ", "𝔞", "a b")  # UTF-16 would order some of them otherwise
TEXTS = ("card", "lost card", "top up", "refund", "pin", "exchange rate", "Berlin", "a fee", "cash", "who?")
LABELS = ("help", "money", None)

_numbers = st.integers(0, 1000)
_edits = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add", "retext", "relabel", "remove", "rename"]), _numbers, _numbers),
    max_size=4,
)


def edited(documents, kind, first, second):
    """Return documents, id to (text, label), after one edit."""
    documents = dict(documents)
    ids = sorted(documents)
    free = [name for name in IDS if name not in documents]
    picked = ids[first % len(ids)]
    text, label = documents[picked]
    if kind == "add" and free:
        documents[free[first % len(free)]] = (TEXTS[second % len(TEXTS)], LABELS[second % len(LABELS)])
    elif kind == "retext":
        documents[picked] = (TEXTS[second % len(TEXTS)], label)
    elif kind == "relabel":
        documents[picked] = (text, LABELS[second % len(LABELS)])
    elif kind == "remove" and len(documents) > 3:
        del documents[picked]
    elif kind == "rename" and free:
        documents[free[second % len(free)]] = documents.pop(picked)
    return documents


def digest(documents):
    """Return the content digest as docs/design.md words it, with hashlib alone."""
    whole = hashlib.sha256()
    for doc_id in sorted(documents, key=str.encode):
        text, label = documents[doc_id]
        metadata = "{}" if label is None else json.dumps({"label": label}, separators=(",", ":"))
        row = len(doc_id.encode()).to_bytes(8, "big") + doc_id.encode()
        row += hashlib.sha256(text.encode()).digest() + hashlib.sha256(metadata.encode()).digest()
        whole.update(hashlib.sha256(row).digest())
    return whole.hexdigest()


def steps(config):
    """Take a run step by step to the moment before its record is written, yielding its workspace after each step."""
    workspace = begin(config)
    yield workspace
    yield ingest(workspace) and workspace
    for unit in range(plan_units(workspace).count):
        yield workspace
        embed_unit(workspace, unit)
    for step in (commit_snapshot, settle_transform, evaluate):
        yield workspace
        step(workspace)
    planned = plan_release(workspace)
    if not planned.exists:
        for step in (write_report, prepare_matrix):
            yield workspace
            step(workspace)
        yield workspace
        write_export(workspace, "matrix")
    for step in (commit_release, publish):
        yield workspace
        step(workspace)
    yield workspace


@seed(50)  # of the first 150, one whose few short examples do most things several times
class Nights(RuleBasedStateMachine):
    """A corpus that is edited, run, killed, collected, published and rolled back; and what it should be."""

    happened: ClassVar = Counter()

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="nights-"))
        self.documents = {name: (text, LABELS[0]) for name, text in zip(IDS[:4], TEXTS, strict=False)}
        self.refs = {"latest": None, "published": None}
        self.history = []  # the releases that `published` named, oldest first
        self.withdrawn = set()
        self.digests = {}  # release to the content digest of its documents
        self.files = 0
        self.spoilt = 0

    @initialize()
    def first_night(self):
        self.run_to_its_end()

    @rule(edits=_edits, shuffle=_numbers, spoilt=st.integers(0, 2), killed_after=st.none() | st.integers(1, 14))
    def night(self, edits, shuffle, spoilt, killed_after):
        self.edit(edits, shuffle, spoilt)
        if killed_after is None:
            self.run_to_its_end()
        else:
            self.begin_and_kill(killed_after)

    @rule(what=st.sampled_from(["collect", "publish", "roll_back"]), number=_numbers)
    def upkeep(self, what, number):
        getattr(self, what)(number)

    def begin_and_kill(self, after):
        for workspace, _ in zip(steps(self.config()), range(after), strict=False):
            left = Workspace(workspace)
        if left.has("release") and self.has(left.read("release")["release"]):  # it may be published by hand
            self.digests[left.read("release")["release"]] = digest(self.documents)
        if left.has("published"):
            self.expect_publication(left.read("release")["release"], left.read("published")["status"])
        die(left.path)
        self.happened["killed"] += 1

    def collect(self, number):
        keep = number % 3
        standing = [name for name in reversed(self.history) if name not in self.withdrawn and self.has(name)]
        kept = {*self.refs.values(), *list(dict.fromkeys(standing))[:keep]}
        if collect(self.store, keep=keep, grace_days=0, delete=True).removed:
            self.happened["collected"] += 1
        stays = kept | {name for name in self.withdrawn if self.has(name)}
        assert set(self.store.release_ids()) == stays
        assert set(self.store.snapshot_ids()) == {self.store.release(name).snapshot for name in kept}

    def publish(self, number):
        names = self.store.release_ids()
        name = names[number % len(names)]
        if name in self.withdrawn and name != self.refs["published"]:
            with pytest.raises(InputError, match="was withdrawn"):
                publish_by_hand(self.store, "main", self.store.release(name), "by hand")
            return
        publish_by_hand(self.store, "main", self.store.release(name), "by hand")
        self.happened["by hand"] += name != self.refs["published"]
        self.expect_published(name)

    def roll_back(self, _):
        leaving = self.refs["published"]
        left = {self.served(name) for name in self.withdrawn | {leaving}}
        standing = [name for name in self.history if self.has(name) and self.served(name) not in left]
        if not standing:
            with pytest.raises(NotFoundError, match="still stands"):
                rollback(self.store, "main", "wrong")
            return
        rollback(self.store, "main", "wrong")
        self.happened["rolled back"] += 1
        self.withdrawn.add(leaving)
        self.expect_published(standing[-1])
        self.refs["latest"] = standing[-1]

    @invariant()
    def everything_stored_is_sound(self):
        if self.history:
            assert verify(self.store).wrong == []

    @invariant()
    def refs_are_where_they_should_be(self):
        for name, expected in self.refs.items():
            value = self.store.refs.read("main", name) if self.history else None
            assert (value.release if value else None) == expected

    @invariant()
    def refs_name_the_documents_that_they_should(self):
        for name in set(filter(None, self.refs.values())):
            manifest = self.store.manifest(self.store.release(name).snapshot)
            assert manifest.content_digest == self.digests[name]

    def teardown(self):
        try:
            if self.history:
                self.compare_with_a_rebuild()
        finally:
            shutil.rmtree(self.folder)

    def compare_with_a_rebuild(self):
        """A full rebuild has the same content digest, and under the same transform the same bytes of its export."""
        found = []
        for store in ("store", "rebuilt"):
            if not self.files:
                self.edit([], 0, 0)
            result = carry(self.config(store))
            corpus = Store.open(self.folder / store).corpus("nights")
            vectors = corpus.files.path(result["exports"][0]["path"]) / "vectors.npy"
            found.append((corpus.manifest(result["snapshot"]).content_digest, vectors.read_bytes()))
        assert found[0] == found[1]
        assert found[0][0] == digest(self.documents)

    @property
    def store(self):
        return Store.open(self.folder / "store").corpus("nights")

    def has(self, release):
        return self.store.has_release(release)

    def served(self, name):
        """Return what the consumers of a release get; the exports are those of one table."""
        release = self.store.release(name)
        return release.snapshot, release.transform_sha256

    def edit(self, edits, shuffle, spoilt):
        """Edit the documents and write their rows in another order, with some that are twice there or empty."""
        for kind, first, second in edits:
            self.documents = edited(self.documents, kind, first, second)
        rows = [(doc_id, text, label) for doc_id, (text, label) in self.documents.items()]
        rows += rows[:spoilt] + [(f"empty {number}", "", None) for number in range(spoilt)]
        random.Random(shuffle).shuffle(rows)
        columns = dict(zip(("id", "text", "label"), map(list, zip(*rows, strict=True)), strict=True))
        pq.write_table(pa.table(columns, pa.schema([(name, pa.string()) for name in columns])), self.source)
        self.files += 1
        self.spoilt = spoilt

    @property
    def source(self):
        return self.folder / "source.parquet"

    def config(self, store="store"):
        document = {
            "corpus": "nights",
            "store": str(self.folder / store),
            "source": {"path": str(self.source), "metadata": ["label"]},
            "encoder": {"backend": "torch", "max_length": 8},
            "transform": {"kind": "none"},
            "report": {"sample": 100},
            "gate": [{"metric": "documents_change", "min": -1.0}, {"metric": "quarantined_share", "max": 1.0}],
            "export": [{"name": "matrix", "format": "npy"}],
            "run": {"unit_rows": 3},
        }
        return Config.model_validate(document)

    def run_to_its_end(self):
        if not self.files:
            self.edit([], 0, 0)
        known = self.texts_in_shards()
        unchanged = self.digests.get(self.refs["published"]) == digest(self.documents)
        result = carry(self.config())
        texts = {hashlib.sha256(text.encode()).digest() for text, _ in self.documents.values()}
        assert result["encoded"] == len(texts - known)
        assert (result["documents"], result["quarantined"]) == (len(self.documents), self.spoilt)
        assert result["rows_read"] == result["documents"] + result["quarantined"] + result["duplicates"]
        assert (result["release_status"] == "unchanged") == unchanged
        self.expect_publication(result["release"], result["release_status"])
        assert not list((self.folder / "store" / "corpora" / "nights" / "scratch").iterdir())

    def texts_in_shards(self):
        folder = self.folder / "store" / "corpora" / "nights" / "shards"
        files = [path for path in folder.glob("*/*.parquet") if path.name != "probe.parquet"]
        return {value for path in files for value in pq.read_table(path, columns=["text_hash"])[0].to_pylist()}

    def expect_publication(self, release, status):
        """Expect what a run that ended in a release does to the refs."""
        left = {self.served(name) for name in self.withdrawn}
        if release == self.refs["published"]:
            expected = "unchanged"
        else:
            expected = "withdrawn" if self.served(release) in left else "published"
        assert status == expected
        self.happened[status] += 1
        self.digests[release] = digest(self.documents)
        self.refs["latest"] = release
        if status == "published":
            self.expect_published(release)

    def expect_published(self, release):
        if release != self.refs["published"]:
            self.refs["published"] = release
            self.history.append(release)


# Shrinking a failure would take minutes, and its steps are printed as they are.
_BOUNDS = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def go_through_nights(examples, length):
    """Go through sequences of nights; return how often each thing happened."""
    Nights.happened.clear()
    bounds = settings(_BOUNDS, max_examples=examples, stateful_step_count=length)
    run_state_machine_as_test(Nights, settings=bounds)
    return +Nights.happened


def test_the_promises_hold_over_any_nights():
    assert set(go_through_nights(4, 12)) >= {"published", "killed", "rolled back"}


@pytest.mark.soak
def test_the_promises_hold_over_many_more_nights():
    happened = go_through_nights(60, 30)
    assert set(happened) == {
        "killed", "collected", "rolled back", "by hand", "published", "unchanged", "withdrawn",
    }  # fmt: skip
