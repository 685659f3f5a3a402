"""A corpus is moved to another encoder only from a channel of its own, by bounds, and never back by an old file."""

import polars as pl
import pytest
from nights import QUESTIONS, small

from sphering.config.model import Config, GateConfig
from sphering.errors import ConfigError, IdentityError, NotFoundError
from sphering.maintenance.judged import COMMON_SHARE, judge_drift, judge_migration
from sphering.maintenance.migration import check_migration, entering
from sphering.maintenance.publication import rollback
from sphering.run.begin import begin
from sphering.run.plan import plan
from sphering.store.refs import PUBLISHED
from sphering.store.store import Store

OTHER = {"backend": "torch", "max_length": 8}


@pytest.fixture(scope="module")
def migrated(run, questions, tmp_path_factory):
    """A corpus in `main` under one encoder, in `next` under another."""
    folder = tmp_path_factory.mktemp("migrated")
    before = small(folder, questions[:60])
    run(before)
    aside = small(folder, questions[:60], encoder=OTHER, run={"channel": "next"})
    run(aside)
    return before, aside


def _corpus(config: Config):
    return Store.open(config.store).corpus(config.corpus)


def _judged(migrated, *bounds):
    corpus = _corpus(migrated[0])
    return judge_migration(corpus, corpus.find("main/published"), corpus.find("next/published"), bounds)


def test_a_migration_is_judged_by_the_texts_in_common_unless_it_is_told_otherwise(migrated):
    judged = _judged(migrated)
    assert judged.compared["verdict"] == "migration"
    assert [(gate.metric, gate.value, gate.min) for gate in judged.gates] == [(COMMON_SHARE, 1.0, 0.8)]
    assert judged.passed
    stricter = _judged(migrated, GateConfig(metric=COMMON_SHARE, min=1.01))
    assert [gate.min for gate in stricter.gates] == [1.01]
    assert not stricter.passed


@pytest.fixture
def pairs(tmp_path):
    """Pairs of real questions, scored 1 where both ask for the same thing; half of them do."""
    table = pl.read_parquet(next(QUESTIONS.glob("*.parquet"))).select("text", "category").unique(maintain_order=True)
    alike = table.join(table, on="category", suffix="_2").filter(pl.col("text") < pl.col("text_2")).head(150)
    unlike = table.join(table, how="cross", suffix="_2").filter(pl.col("category") != pl.col("category_2"))
    scored = [
        each.select(sentence1="text", sentence2="text_2", score=pl.lit(score))
        for each, score in ((alike, 1.0), (unlike.sample(len(alike), seed=0), 0.0))
    ]
    pl.concat(scored).write_parquet(tmp_path / "pairs.parquet")
    return {"evaluation": {"pairs": str(tmp_path / "pairs.parquet")}}


def test_an_encoder_that_ranks_pairs_worse_beyond_the_interval_does_not_pass(run, questions, pairs, tmp_path):
    before = small(tmp_path, questions[:40], **pairs)
    run(before)
    found = {}
    for channel, length in (("much-the-same", 64), ("one-word", 3)):
        encoder = {"backend": "torch", "max_length": length}
        run(small(tmp_path, questions[:40], encoder=encoder, run={"channel": channel}, **pairs))
        corpus = _corpus(before)
        found[channel] = judge_migration(corpus, corpus.find("main/published"), corpus.find(f"{channel}/published"))
    name = "report.pairs.transformed.spearman.change_high"
    assert {gate.metric for gate in found["one-word"].gates} == {COMMON_SHARE, name}
    assert [gate.metric for gate in found["one-word"].gates if not gate.passed] == [name]
    assert found["one-word"].numbers[name.replace("change_high", "change")] < -0.1
    assert found["much-the-same"].passed


def test_a_declared_bound_judges_any_number_of_the_comparison_and_an_unknown_one_is_refused(migrated):
    kept = _judged(migrated).numbers["transformed.knn_overlap"]
    assert 0.0 < kept < 1.0
    assert not _judged(migrated, GateConfig(metric="transformed.knn_overlap", min=kept + 0.01)).passed
    assert _judged(migrated, GateConfig(metric="transformed.knn_overlap", min=kept - 0.01)).passed
    warned = _judged(migrated, GateConfig(metric="transformed.knn_overlap", min=1.0, severity="warn"))
    assert warned.passed
    with pytest.raises(ConfigError, match=r"knn_overlab"):
        _judged(migrated, GateConfig(metric="transformed.knn_overlab", min=0.1))


def test_a_migration_needs_a_channel_of_its_own_and_something_to_be_compared_with(migrated):
    before, aside = migrated
    check_migration(aside, "main")
    with pytest.raises(ConfigError, match="a channel of its own"):
        check_migration(before, "main")
    with pytest.raises(NotFoundError, match="publishes nothing that could be migrated"):
        check_migration(aside, "staging")


@pytest.mark.parametrize(
    "metric", ["knn_overlap", "exports.matrix.recall_at_10", "report.raw.drift", "raw.", "rows_read"]
)
def test_a_bound_that_no_comparison_can_have_is_refused_before_anything_is_encoded(migrated, metric):
    with pytest.raises(ConfigError, match="which no comparison measures"):
        check_migration(migrated[1], "main", [GateConfig(metric=metric, min=0.1)])


def test_bounds_on_every_number_of_a_comparison_have_names_that_are_taken(migrated):
    names = _judged(migrated).numbers
    check_migration(migrated[1], "main", [GateConfig(metric=name, min=0.1) for name in names])


@pytest.mark.parametrize("into", ["../main", "", "main/published"])
def test_what_cannot_be_a_channel_is_refused(migrated, into):
    with pytest.raises(ConfigError, match="cannot be the name of a channel"):
        check_migration(migrated[1], into)


def test_after_a_migration_the_old_file_is_refused_until_it_says_that_it_moves_back(run, questions, tmp_path):
    old = small(tmp_path, questions[:30])
    run(old)
    aside = small(tmp_path, questions[:30], encoder=OTHER, run={"channel": "next"})
    run(aside)
    result = run(entering(aside, "main"))
    assert (result["encoded"], result["release_status"]) == (0, "published")
    corpus = _corpus(old)
    history = corpus.refs.history("main", PUBLISHED)
    for refused in (begin, plan):
        with pytest.raises(IdentityError, match="would move it back"):
            refused(old)
    assert corpus.refs.history("main", PUBLISHED) == history
    assert run(entering(aside, "main"))["release_status"] == "unchanged"
    back = old.model_copy(update={"run": old.run.model_copy(update={"move_back": True})})
    assert run(back)["release_status"] == "published"


def test_a_rollback_leaves_a_release_and_no_encoder_so_both_files_may_go_on(run, questions, tmp_path):
    old = small(tmp_path, questions[:30])
    first = run(old)["release"]
    new = small(tmp_path, questions[:30], encoder=OTHER)
    run(new)
    rollback(_corpus(old), "main", "the new one finds worse")
    assert run(old)["release"] == first
    assert run(small(tmp_path, questions[:31], encoder=OTHER))["release_status"] == "published"


def test_drift_is_judged_by_the_configured_bound_or_a_given_one(run, questions, tmp_path):
    releases = [run(small(tmp_path, questions[part]))["release"] for part in (slice(0, 60), slice(60, 120))]
    corpus = _corpus(small(tmp_path, questions[:60]))
    a, b = map(corpus.find, releases)
    drift = judge_drift(corpus, a, b, None).numbers["raw.drift"]
    assert drift > 0.02
    assert not judge_drift(corpus, a, b, None).passed
    assert judge_drift(corpus, a, b, drift * 1.01).passed
    assert judge_drift(corpus, a, a, 0.0).passed
