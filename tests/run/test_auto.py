"""The transform that an evaluation chooses: a stronger map only where held-out items are clearly better under it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from nights import carry, small

from sphering.config.encoder import SentenceTransformersConfig
from sphering.config.model import TransformConfig
from sphering.encoder.resolve import locate
from sphering.errors import InputError
from sphering.run.choose import fold_of_items
from sphering.run.fit import read_transform, transform_id
from sphering.store.documents import read_document
from sphering.store.store import Store

SENTENCES, PAIRS = 3000, 500


@pytest.fixture(scope="module")
def sts(pytestconfig, tmp_path_factory):
    """Training sentences, and a file of development pairs; 500 are enough that the intervals leave zero out."""
    folder = pytestconfig.rootpath.parent / "shared" / "data" / "stsb"
    if not folder.is_dir():
        pytest.skip("the STS benchmark is not here")
    train = pl.read_parquet(folder / "sts-train.parquet")
    sentences = pl.concat([train["sentence1"], train["sentence2"]]).unique(maintain_order=True)
    pairs = tmp_path_factory.mktemp("sts") / "pairs.parquet"
    pl.read_parquet(folder / "sts-dev.parquet").gather_every(3).head(PAIRS).write_parquet(pairs)
    return sentences.head(SENTENCES).to_list(), pairs


@pytest.fixture
def few_pairs(tmp_path, sts):
    pl.read_parquet(sts[1]).head(100).write_parquet(tmp_path / "pairs.parquet")
    return tmp_path / "pairs.parquet"


@pytest.fixture(scope="module")
def token_embeddings(tmp_path_factory):
    """The default model's table of input token embeddings, averaged over a text: an anisotropic static model."""
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    source = locate(SentenceTransformersConfig()).folder
    table = load_file(source / "model.safetensors")["embeddings.word_embeddings.weight"].astype(np.float32)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_truncation()
    place = tmp_path_factory.mktemp("tokens") / "model"
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)]).save(str(place))
    return place


def rows(texts):
    return [(f"{number:05d}", text) for number, text in enumerate(texts)]


def fitted(config, result):
    corpus = Store.open(config.store).corpus(config.corpus)
    release = corpus.release(result["release"])
    report = read_document(corpus.files, corpus.layout.report(release.report))
    return read_transform(corpus, release.transform), report


def trial(choice, name):
    return next(each for each in choice["trials"] if each["candidate"] == name)


def test_whitening_is_taken_where_it_helps(tmp_path, sts, token_embeddings):
    texts, pairs = sts
    config = small(
        tmp_path,
        rows(texts),
        encoder={"backend": "torch", "model": str(token_embeddings)},
        transform={"kind": "auto"},
        evaluation={"pairs": str(pairs)},
        export=[],
    )
    transform, report = fitted(config, carry(config))
    choice = report["transform"]["choice"]
    assert (choice["by"], choice["metric"]) == ("pairs", "spearman")
    assert transform.kind == "whiten"
    assert trial(choice, choice["choice"])["value"] - trial(choice, "none")["value"] > 0.1
    found = report["evaluation"]["pairs"]
    assert found["transformed"]["spearman"]["value"] - found["raw"]["spearman"]["value"] > 0.1


@pytest.fixture(scope="module")
def contrastive(tmp_path_factory, sts):
    """A night over training sentences under all-MiniLM-L6-v2, judged by the development pairs."""
    texts, pairs = sts
    config = small(
        tmp_path_factory.mktemp("contrastive"),
        rows(texts[:1000]),
        transform={"kind": "auto"},
        evaluation={"pairs": str(pairs)},
        export=[],
    )
    return config, carry(config)


def test_whitening_is_refused_where_it_hurts(contrastive):
    transform, report = fitted(*contrastive)
    choice = report["transform"]["choice"]
    whiten = trial(choice, "whiten")
    assert transform.kind in ("none", "center")
    assert not whiten["taken"]
    assert whiten["interval"][1] < 0
    assert report["transformed"]["isoscore"]["value"] < 0.9


def test_the_whole_table_stands_in_the_transform_and_in_the_report(contrastive):
    transform, report = fitted(*contrastive)
    assert report["transform"]["choice"] == transform.choice
    assert transform.choice["items"] == PAIRS
    assert [each["candidate"] for each in transform.choice["trials"]][:3] == ["none", "center", "all but the top 1"]
    assert all(each["against"] and each["interval"] for each in transform.choice["trials"][1:])


def test_the_page_shows_how_the_transform_was_chosen(contrastive):
    config, result = contrastive
    page = (Path(config.store) / result["report"]).read_text(encoding="utf-8")
    assert "How the transform was chosen" in page
    assert "all but the top 1" in page


def test_a_choice_is_made_again_only_when_the_transform_is_fitted_again(contrastive, sts):
    config, first = contrastive
    again = carry(config)
    assert again["release_status"] == "unchanged"
    fewer = config.model_copy(
        update={"evaluation": config.evaluation.model_copy(update={"halves": None, "positive": 4.5})}
    )
    result = carry(fewer)
    assert result["transform"]["status"] == "kept"
    assert result["transform"]["transform"] == first["transform"]["transform"]


def test_without_an_evaluation_the_mean_cosine_decides_and_says_so(tmp_path, sts):
    config = small(tmp_path, rows(sts[0][:200]), transform={"kind": "auto"}, export=[])
    transform, report = fitted(config, carry(config))
    choice = report["transform"]["choice"]
    assert (choice["by"], choice["choice"]) == ("mean_cosine", transform.kind)
    assert choice["value"] == report["raw"]["mean_cosine"]["value"]
    assert choice["evaluation"] is None


def test_candidates_that_cannot_be_fitted_stand_in_the_table_with_their_reason(tmp_path, sts, few_pairs):
    evaluation = {"pairs": str(few_pairs)}
    config = small(tmp_path, rows(sts[0][:100]), transform={"kind": "auto"}, evaluation=evaluation, export=[])
    _, report = fitted(config, carry(config))
    whiten = trial(report["transform"]["choice"], "whiten")
    assert whiten["value"] is None
    assert "cannot be whitened" in whiten["reason"]


def test_too_few_items_do_not_choose_and_the_mean_cosine_does(tmp_path, sts):
    pl.read_parquet(sts[1]).head(12).write_parquet(tmp_path / "pairs.parquet")
    evaluation = {"pairs": str(tmp_path / "pairs.parquet")}
    config = small(tmp_path, rows(sts[0][:100]), transform={"kind": "auto"}, evaluation=evaluation, export=[])
    transform, report = fitted(config, carry(config))
    choice = report["transform"]["choice"]
    assert (choice["by"], choice["choice"]) == ("mean_cosine", transform.kind)
    assert "fewer than 30 items" in choice["reason"]
    assert carry(config)["release_status"] == "unchanged"


def test_a_corpus_of_which_a_fold_scores_most_is_left_to_the_mean_cosine(tmp_path, sts):
    texts = [*(sts[0][:1] * 120), *sts[0][1:60]]
    config = small(
        tmp_path,
        rows(texts),
        source={"path": str(tmp_path / "source.parquet"), "labels": ["id"]},
        transform={"kind": "auto"},
        evaluation={"labels": "id"},
        export=[],
    )
    _, report = fitted(config, carry(config))
    choice = report["transform"]["choice"]
    assert choice["by"] == "mean_cosine"
    assert "too few are left to fit on" in choice["reason"]


def test_an_error_of_the_choice_that_is_no_matter_of_too_few_vectors_ends_the_run(
    tmp_path, sts, few_pairs, monkeypatch
):
    def broken(*_):
        raise InputError("row 7 is not finite")

    monkeypatch.setattr("sphering.run.choose.moments_without", broken)
    evaluation = {"pairs": str(few_pairs)}
    config = small(tmp_path, rows(sts[0][:60]), transform={"kind": "auto"}, evaluation=evaluation, export=[])
    with pytest.raises(InputError, match="row 7"):
        carry(config)


def test_another_seed_may_choose_another_transform_and_has_another_id(contrastive):
    config, first = contrastive
    other = config.model_copy(update={"report": config.report.model_copy(update={"seed": 1})})
    name = first["transform"]["transform"]
    judges = [{"evaluation": "e" * 16, "sample": 5000, "seed": each.report.seed} for each in (config, other)]
    assert len({transform_id(config.transform, "s" * 16, judge) for judge in judges}) == 2
    assert carry(other)["transform"]["transform"] == name  # kept: it is decided again only on a refit


def test_items_that_share_their_text_are_in_one_fold_and_items_without_one_are_dealt_by_turns():
    one, two = b"\x01" * 32, b"\x02" * 32
    folds = fold_of_items(((one,), (two,), (one,), (), ()))
    assert folds[0] == folds[2]
    assert folds[3:].tolist() == [3, 4]


def test_a_named_kind_is_fitted_whatever_the_evaluation_says(tmp_path, sts, few_pairs):
    config = small(
        tmp_path, rows(sts[0][:60]), transform={"kind": "center"}, evaluation={"pairs": str(few_pairs)}, export=[]
    )
    transform, report = fitted(config, carry(config))
    assert transform.kind == TransformConfig(kind="center").kind
    assert report["transform"]["choice"] is None
