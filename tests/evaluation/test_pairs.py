"""Scored pairs: STS-B by the real model, against published figures and plain definitions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from sphering.config.model import Config
from sphering.errors import InputError
from sphering.evaluation.keep import keep, read, read_parts
from sphering.evaluation.pairs import Pairs
from sphering.evaluation.supervision import of_pairs
from sphering.store.corpus import CorpusStore
from sphering.store.local_files import LocalFiles

STSB = Path(__file__).parents[3] / "shared" / "data" / "stsb" / "sts-test.parquet"


def configured(path, **changes):
    section = {"pairs": str(path)} | changes
    return Config.model_validate({"corpus": "sts", "source": {"path": "x"}, "evaluation": section})


def parts_of(config):
    return read_parts(config.evaluation, config.normalise, list)


@pytest.fixture(scope="module")
def stsb(encoder, paragraphs, tmp_path_factory):
    """The pairs of STS-B's test split, kept and read again."""
    if not STSB.exists():
        pytest.skip("STS-B is not here")
    config = configured(STSB)
    corpus = CorpusStore(LocalFiles(tmp_path_factory.mktemp("stsb") / "store"), "sts")
    kept = keep(corpus, parts_of(config), config, paragraphs.manifest, lambda: encoder)
    assert kept.encoded == 2552
    return read(corpus, kept.evaluation).parts["pairs"]


def test_minilm_has_the_published_rank_correlation_on_stsb(stsb):
    found = stsb.metrics(None)["spearman"]
    assert found["value"] == pytest.approx(0.8203246731, abs=1e-5)
    assert found["interval"][0] < found["value"] < found["interval"][1]
    frame = pl.read_parquet(STSB)
    assert len(stsb.scores) == len(frame) == 1379
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (stsb.first, stsb.second)]
    cosines = np.einsum("ij,ij->i", *unit)
    assert found["value"] == pytest.approx(stats.spearmanr(cosines, frame["score"]).statistic, abs=1e-5)


def test_minilm_has_the_published_alignment_on_stsb(stsb):
    found = stsb.metrics(None)
    assert stsb.positive == 4.0
    assert found["alignment"]["value"] == pytest.approx(0.3298, abs=5e-4)
    assert found["alignment"]["n"] == (stsb.scores >= 4).sum()


def test_a_larger_bound_is_more_precise_and_finds_less(stsb):
    found = list(stsb.metrics(None)["thresholds"].values())
    precision, recall = ([entry[name]["value"] for entry in found] for name in ("precision", "recall"))
    assert recall == sorted(recall, reverse=True)
    assert precision[-1] > 0.8 > precision[0]


def test_the_loss_of_positive_pairs_is_below_that_of_a_guess(stsb):
    found = stsb.metrics(None)["info_nce"]
    assert 0 < found["0.05"]["value"] < found["1"]["value"] < np.log(128)


def test_stsb_judges_a_transform_as_it_is_reported(stsb, paragraphs):
    supervision = stsb.supervision(paragraphs, 5000)
    assert supervision.items == 1379
    assert supervision.hashes[0][0] == hashlib.sha256(b"A girl is styling her hair.").digest()
    outcome = supervision.outcome(lambda x: (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32))
    assert outcome.statistic(np.arange(1379)) == pytest.approx(stsb.metrics(None)["spearman"]["value"], abs=1e-9)


FRAME = pl.DataFrame({"sentence1": ["a", "b", "c"], "sentence2": ["d", "e", "f"], "score": [0, 3, 5]})


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_columns_are_configured_and_every_format_is_the_same_evaluation(tmp_path, suffix):
    FRAME.write_parquet(tmp_path / "one.parquet")
    other = FRAME.rename({"sentence1": "left", "sentence2": "right", "score": "alike"})
    write = {"parquet": pl.DataFrame.write_parquet, "csv": pl.DataFrame.write_csv, "jsonl": pl.DataFrame.write_ndjson}
    write[suffix](other, tmp_path / f"other.{suffix}")
    names = {"sentence1": "left", "sentence2": "right", "score": "alike"}
    one, two = (
        parts_of(configured(tmp_path / file, **given))["pairs"]
        for file, given in (("one.parquet", {}), (f"other.{suffix}", names))
    )
    assert one.digest == two.digest
    assert one.facts["positive"] == 4.0
    assert parts_of(configured(tmp_path / "one.parquet", positive=3))["pairs"].digest != one.digest


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.clear(), "no pair"),
        (FRAME.drop("score"), "'score'"),
        (FRAME.with_columns(score=pl.lit("much")), "holds String"),
        (FRAME.with_columns(score=pl.lit(float("nan"))), "not finite"),
        (FRAME.with_columns(score=pl.lit(None, pl.Float64)), "null"),
        (FRAME.with_columns(sentence2=pl.lit(" ")), "row 1 of .* is empty"),
    ],
)
def test_pairs_that_cannot_be_used_are_refused(tmp_path, frame, message):
    frame.write_parquet(tmp_path / "pairs.parquet")
    with pytest.raises(InputError, match=message):
        parts_of(configured(tmp_path / "pairs.parquet"))


def test_one_column_for_two_roles_is_refused(tmp_path):
    FRAME.write_parquet(tmp_path / "pairs.parquet")
    with pytest.raises(InputError, match="name one column"):
        parts_of(configured(tmp_path / "pairs.parquet", sentence2="sentence1"))


def _pairs(scores, positive):
    vectors = np.random.default_rng(0).standard_normal((len(scores), 4)).astype(np.float32)
    hashes = [(bytes([row] * 32), bytes([row + 100] * 32)) for row in range(len(scores))]
    return Pairs(vectors, vectors[::-1].copy(), np.array(scores, dtype=float), hashes, positive)


def test_one_score_alone_has_no_order_and_no_positive_pairs(paragraphs):
    one = _pairs([2.0, 2.0, 2.0], None)
    found = one.metrics(None)
    assert "no order" in found["spearman"]["reason"]
    assert "set [evaluation] positive" in found["alignment"]["reason"]
    assert found["thresholds"] == {}
    assert one.supervision(paragraphs, 10) is None


def test_where_no_pair_reaches_the_bound_the_numbers_say_so():
    found = _pairs([0.0, 1.0, 2.0], 9.0).metrics(None)
    assert found["spearman"]["value"] is not None
    assert "at least `positive`" in found["alignment"]["reason"]
    assert {entry["value"] for entry in found["info_nce"].values()} == {None}


def test_a_single_pair_is_measured_without_a_complaint():
    found = _pairs([1.0], 1.0).metrics(None)
    assert found["spearman"]["value"] is None
    assert found["alignment"]["n"] == 1
    assert of_pairs(*(np.ones((1, 2), np.float32),) * 2, np.ones(1), ((b"x" * 32,),)).items == 1
