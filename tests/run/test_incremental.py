"""What a second night costs and leaves."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from nights import embedded

from sphering.encoder.probe import read_probe, write_probe
from sphering.errors import EmptyCorpusError, IdentityError, InputError, IntegrityError, RefMovedError
from sphering.run.begin import begin
from sphering.run.evaluate import evaluate
from sphering.run.finish import abandon
from sphering.run.fit import settle_transform
from sphering.run.ingest import ingest
from sphering.run.plan import plan
from sphering.run.plan_release import plan_release
from sphering.run.probe import mixed_bits
from sphering.run.release import commit_release, publish
from sphering.run.report import write_report
from sphering.run.units import plan_units
from sphering.store.refs import Reason
from sphering.store.store import Store


def corpus_of(config):
    return Store.open(config_path(config)).corpus(config.corpus)


def config_path(config):
    return Path(config.store)


def bytes_of(config, result, name="vectors.npy"):
    folder = config_path(config) / result["exports"][0]["path"]
    return next(folder.glob("*.npy")).read_bytes()


def sums(result):
    return result["documents"] + result["quarantined"] + result["duplicates"]


def test_an_unchanged_night_encodes_nothing_and_ends_in_the_base(copied_nights, run, questions):
    config, (first,) = copied_nights(120)
    second = run(config)
    assert (first["snapshot_status"], first["release_status"]) == ("created", "published")
    assert (second["snapshot_status"], second["release_status"]) == ("unchanged", "unchanged")
    assert (second["snapshot"], second["release"], second["encoded"]) == (first["snapshot"], first["release"], 0)
    assert first["encoded"] == len(questions)
    assert first["exit_code"] == second["exit_code"] == 0
    assert len(corpus_of(config).run_records()) == 2


def test_a_changed_night_encodes_new_texts_only_and_equals_a_full_rebuild(copied_nights, run, corpus, questions):
    copied_nights(120)
    changed = [*questions[10:], ("new-1", "Where is the nearest cash machine?"), ("new-2", questions[50][1])]
    changed[5] = (changed[5][0], "My card was swallowed by a machine in Hanoi.")
    random.Random(1).shuffle(changed)
    config = corpus(changed)
    night = run(config)
    rebuilt_config = corpus(changed, store="rebuilt")
    rebuilt = run(rebuilt_config)
    assert night["encoded"] == 2
    assert night["removed"] == 10
    assert night["documents"] == len(changed) == sums(night)
    assert night["snapshot"] == rebuilt["snapshot"]
    manifests = [corpus_of(c).manifest(r["snapshot"]) for c, r in ((config, night), (rebuilt_config, rebuilt))]
    assert manifests[0].content_digest == manifests[1].content_digest
    assert bytes_of(config, night) == bytes_of(rebuilt_config, rebuilt)


def test_row_order_changes_nothing(copied_nights, run, corpus, questions):
    _, (first,) = copied_nights(120)
    second = run(corpus(list(reversed(questions))))
    assert (second["snapshot"], second["release_status"], second["encoded"]) == (first["snapshot"], "unchanged", 0)


def test_each_distinct_text_is_encoded_once(run, corpus, questions):
    twice = questions[:40] + [(f"again-{doc_id}", text) for doc_id, text in questions[:40]]
    config = corpus(twice)
    result = run(config)
    assert (result["documents"], result["encoded"]) == (80, 40)
    snapshot = corpus_of(config).snapshot(result["snapshot"])
    frame = snapshot.scan().collect()
    vectors = dict(zip(frame["doc_id"], frame["embedding"].to_numpy(), strict=True))
    assert all(np.array_equal(vectors[doc_id], vectors[f"again-{doc_id}"]) for doc_id, _ in questions[:40])


def test_the_size_of_a_unit_changes_no_bit_of_the_result(run, corpus, questions):
    large = corpus(questions, run={"unit_rows": 1000})
    small = corpus(questions, store="small", run={"unit_rows": 7})
    first, second = run(large), run(small)
    assert first["snapshot"] == second["snapshot"]
    assert bytes_of(large, first) == bytes_of(small, second)


def test_a_failed_gate_holds_the_release_every_night_until_it_passes(copied_nights, run, corpus, questions):
    strict = {"gate": [{"metric": "transformed.mean_cosine", "max": -1.0}]}
    _, (published,) = copied_nights(60)
    held = run(corpus(questions, **strict))
    again = run(corpus(questions, **strict))
    config = corpus(questions)
    refs = corpus_of(config).refs
    assert (held["snapshot_status"], held["release_status"], held["exit_code"]) == ("created", "held", 3)
    assert (again["release_status"], again["exit_code"], again["encoded"]) == ("held", 3, 0)
    assert (again["snapshot"], again["snapshot_status"]) == (held["snapshot"], "unchanged")
    assert again["release"] == held["release"]
    assert refs.read("main", "published").release == published["release"]
    assert refs.read("main", "latest").release == held["release"]
    assert run(config)["release_status"] == "published"


def test_a_gate_on_the_source_ends_the_run_before_anything_is_encoded(copied_nights, run, corpus, questions):
    _, (first,) = copied_nights(120)
    config = corpus(questions[:20])
    result = run(config)
    assert (result["snapshot"], result["release"], result["release_status"]) == (None, None, "held")
    assert (result["exit_code"], result["encoded"]) == (3, 0)
    failed = [gate["metric"] for gate in result["gates"] if not gate["passed"]]
    assert failed == ["documents_change"]
    assert corpus_of(config).refs.read("main", "latest").release == first["release"]


def test_quarantined_and_duplicate_rows_are_counted_and_kept_with_their_reason(run, corpus, questions):
    rows = [*questions[:50], ("empty", ""), ("nul", "a\x00b"), questions[0]]
    config = corpus(rows, gate=[{"metric": "quarantined_share", "max": 0.5}])
    result = run(config)
    assert (result["rows_read"], result["documents"], result["quarantined"], result["duplicates"]) == (53, 50, 2, 1)
    assert sums(result) == result["rows_read"]
    import pyarrow.parquet as pq

    store = corpus_of(config)
    table = pq.read_table(store.files.path(store.layout.quarantine(result["run"])))
    assert sorted(zip(table["doc_id"].to_pylist(), table["reason"].to_pylist(), strict=True)) == [
        ("empty", "empty"),
        ("nul", "nul"),
    ]


def test_a_source_without_a_document_is_refused_and_moves_nothing(copied_nights, run, corpus):
    _, (first,) = copied_nights(120)
    config = corpus([("a", ""), ("b", " ")])
    with pytest.raises(EmptyCorpusError, match="gave no document"):
        run(config)
    assert corpus_of(config).refs.read("main", "latest").release == first["release"]


def test_a_fit_over_vectors_of_another_encoder_is_refused(copied_nights, corpus, questions):
    copied_nights(120)
    with pytest.raises(IdentityError, match="was made by encoder"):
        begin(corpus(questions, encoder={"backend": "torch", "max_length": 64}), "fit")


@pytest.mark.parametrize(
    ("export", "found"),
    [
        ({"name": "i", "format": "faiss", "index": "Nonsense"}, "Nonsense"),
        ({"name": "i", "format": "npy", "truncate_dim": 400}, "the vectors have 384 dimensions"),
    ],
)
def test_an_export_that_cannot_work_is_refused_before_anything_is_encoded(run, corpus, questions, export, found):
    config = corpus(questions, export=[export])
    with pytest.raises(InputError, match=found) as refused:
        run(config)
    with pytest.raises(InputError, match=re.escape(refused.value.found)):
        plan(config)
    assert not list(config_path(config).rglob("*.parquet")) or not corpus_of(config).snapshot_ids()


def test_a_plan_over_vectors_that_are_there_refuses_what_a_run_would(copied_nights, corpus, questions):
    copied_nights(120)
    export = {"name": "narrow", "format": "faiss", "index": "PQ7"}
    for rows in (questions, [*questions, ("new", "Where is the nearest branch?")]):
        with pytest.raises(InputError, match="multiple of the number of subquantizers") as refused:
            plan(corpus(rows, export=[export]))
        assert refused.value.where == "index of [[export]] narrow"


def test_a_gate_on_a_number_that_does_not_exist_is_refused_with_the_nearest(run, corpus, questions):
    config = corpus(questions, gate=[{"metric": "quarantined_shar", "max": 0.1}])
    with pytest.raises(InputError, match="quarantined_share"):
        run(config)


def test_a_text_for_which_the_model_gives_no_number_is_quarantined_and_not_tried_again(
    run, corpus, questions, broken_model
):
    rows = [*questions[:40], ("bad", "A zebra crossed my account.")]
    config = corpus(
        rows,
        encoder={"backend": "torch", "model": str(broken_model)},
        gate=[{"metric": "quarantined_share", "max": 0.5}],
    )
    first, second = run(config), run(config)
    assert (first["documents"], first["quarantined"], first["encoded"], first["reused"]) == (40, 1, 41, 0)
    assert (second["documents"], second["quarantined"], second["encoded"], second["reused"]) == (40, 1, 0, 40)
    assert second["release_status"] == "unchanged"
    assert sums(second) == second["rows_read"] == 41


def test_texts_that_the_model_refuses_count_for_the_gates_on_the_run(run, corpus, questions, broken_model):
    encoder = {"backend": "torch", "model": str(broken_model)}
    published = run(corpus(questions[:60], encoder=encoder))
    zebras = [(f"zebra-{n}", f"Zebra {n} crossed my account.") for n in range(20)]
    config = corpus([*questions[:60], *zebras], encoder=encoder)
    first, second = run(config), run(config)
    for result in (first, second):
        assert (result["snapshot"], result["release"], result["release_status"]) == (None, None, "held")
        assert (result["rows_read"], result["quarantined"], result["exit_code"]) == (80, 20, 3)
        assert [gate["metric"] for gate in result["gates"] if not gate["passed"]] == ["quarantined_share"]
    assert (first["encoded"], second["encoded"]) == (20, 0)
    assert corpus_of(config).refs.read("main", "latest").release == published["release"]
    assert run(corpus(questions[:60], encoder=encoder))["release_status"] == "unchanged"


def test_a_run_on_a_machine_with_other_bits_says_so_and_goes_on(copied_nights, run, corpus, questions):
    config, (first,) = copied_nights(40)
    assert first["probe"]["bits"] == "equal"
    store = corpus_of(config)
    probe = store.files.path(store.layout.probe(store.manifest(first["snapshot"]).encoder))
    stored = read_probe(probe)
    other = stored.vectors * np.float32(1 + 1e-7)
    probe.write_bytes(write_probe(other, stored.encoder, {**stored.profile, "cpu": "another processor"}))
    second = run(corpus(questions[:41]))
    assert (second["probe"]["bits"], second["release_status"]) == ("mixed", "published")
    assert second["probe"]["max_cosine_distance"] < 1e-12
    assert "another processor" in mixed_bits(second["probe"])


def test_a_lost_shard_stops_the_next_run_by_its_name_and_a_copy_mends_it(copied_nights, corpus, questions, run):
    _, (first,) = copied_nights(40)
    store = corpus_of(corpus(questions[:41]))
    (shard, *_) = store.snapshot(first["snapshot"]).paths
    whole = shard.read_bytes()
    shard.unlink()
    workspace = begin(corpus(questions[:41]))
    ingest(workspace)
    with pytest.raises(IntegrityError, match="is missing") as lost:
        plan_units(workspace)
    assert str(shard) in str(lost.value)
    abandon(workspace, lost.value)
    shard.write_bytes(whole)
    assert run(corpus(questions[:41]))["release_status"] == "published"


def test_where_either_ref_moved_in_between_neither_is_moved(corpus, questions, run):
    config = corpus(questions[:40], export=[])
    first = run(config)
    slow = corpus(questions[:41], export=[])
    workspace = embedded(slow)
    settle_transform(workspace)
    evaluate(workspace)
    plan_release(workspace)
    write_report(workspace)
    commit_release(workspace)
    refs = corpus_of(config).refs
    refs.move("main", "latest", first["release"], expected=refs.read("main", "latest"), reason=Reason("a", "test"))
    with pytest.raises(RefMovedError):
        publish(workspace)
    assert refs.read("main", "published").release == first["release"]
