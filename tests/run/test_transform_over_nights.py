"""When a night keeps the base's transform, and when it fits a new one."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sphering.run.begin import begin
from sphering.run.finish import finish
from sphering.run.select import select_snapshot
from sphering.store.documents import read_document
from sphering.store.store import Store

HELP = Path(__file__).parents[2] / "examples" / "libreoffice_help" / "terms-vi.parquet"


def centred(**keys):
    return {"kind": "center", **keys}


@pytest.fixture
def again(released):
    """Make a release of the latest snapshot, as `sphering fit` and `sphering export` do; return the run's result."""

    def make(config, purpose):
        workspace = begin(config, purpose)
        select_snapshot(workspace)
        released(workspace)
        return finish(workspace)

    return make


def transforms(config):
    corpus = Store.open(Path(config.store)).corpus(config.corpus)
    return corpus.files.children(corpus.layout.transform("")[:-1])


@pytest.fixture(scope="module")
def other_topic():
    """Real texts about something else, which move the mean of a corpus."""
    texts = pq.read_table(HELP)["text"].to_pylist()[:120]
    return [(f"other-{number:04d}", text) for number, text in enumerate(texts)]


def test_a_corpus_that_barely_moved_keeps_its_transform_and_says_how_far_it_moved(
    copied_nights, run, corpus, questions
):
    _, (first,) = copied_nights(120, transform=centred())
    second = run(corpus(questions[1:], transform=centred()))
    assert (first["transform"]["status"], second["transform"]["status"]) == ("fitted", "kept")
    assert second["transform"]["transform"] == first["transform"]["transform"]
    assert 0 < second["transform"]["drift"] < 0.02
    assert second["snapshot"] != first["snapshot"]


def test_a_corpus_that_moved_far_is_fitted_anew(copied_nights, run, corpus, questions, other_topic):
    _, (first,) = copied_nights(120, transform=centred())
    second = run(corpus([*questions, *other_topic], transform=centred()))
    assert second["transform"]["status"] == "fitted"
    assert second["transform"]["transform"] != first["transform"]["transform"]


def test_never_keeps_the_transform_however_far_the_corpus_moved(copied_nights, run, corpus, questions, other_topic):
    _, (first,) = copied_nights(120, transform=centred())
    second = run(corpus([*questions, *other_topic], transform=centred(refit="never")))
    assert second["transform"]["status"] == "kept"
    assert second["transform"]["transform"] == first["transform"]["transform"]


def test_a_kept_transform_that_is_far_from_tonights_vectors_is_said_in_the_report(run, corpus, questions, other_topic):
    run(corpus(questions[:60], transform=centred(refit="never")))
    config = corpus(other_topic, transform=centred(refit="never"))
    result = run(config)
    store = Store.open(Path(config.store)).corpus(config.corpus)
    report = read_document(store.files, store.layout.report(store.release(result["release"]).report))
    assert result["transform"]["status"] == "kept"
    assert "unlike_fitted" in [warning["name"] for warning in report["warnings"]]


def test_always_fits_on_tonights_snapshot_also_where_the_base_kept_an_older_transform(
    copied_nights, run, corpus, questions
):
    _, (first,) = copied_nights(120, transform=centred())
    kept = run(corpus(questions[1:], transform=centred()))
    assert kept["transform"]["transform"] == first["transform"]["transform"]
    always = corpus(questions[1:], transform=centred(refit="always"))
    second, third = run(always), run(always)
    assert second["transform"]["status"] == "fitted"
    assert second["transform"]["transform"] != first["transform"]["transform"]
    assert (third["transform"]["status"], third["release_status"]) == ("kept", "unchanged")


def test_other_parameters_fit_anew_but_other_bounds_of_drift_do_not(copied_nights, run, corpus, questions):
    _, (first,) = copied_nights(120, transform=centred())
    bound = run(corpus(questions, transform=centred(max_drift=0.5)))
    whitened = run(corpus(questions, transform={"kind": "whiten", "shrinkage": 0.5}))
    assert bound["release"] == first["release"]
    assert whitened["transform"]["status"] == "fitted"


def test_a_fit_on_distinct_texts_is_kept_on_the_corpus_that_it_was_fitted_on(run, corpus, questions):
    repeated = [*questions[:60], *((f"again-{n}", questions[0][1]) for n in range(60))]
    fitted = centred(weights="texts")
    first = run(corpus(repeated, transform=fitted))
    plain = corpus(repeated[:-1], transform=fitted)
    second = run(plain)
    assert second["snapshot"] != first["snapshot"]
    assert second["transform"]["status"] == "kept"
    assert second["transform"]["drift"] < 1e-12
    store = Store.open(Path(plain.store)).corpus(plain.corpus)
    report = read_document(store.files, store.layout.report(store.release(second["release"]).report))
    assert report["transform"]["drift"]["value"] < 1e-12
    assert report["transform"]["drift"]["over"] == "texts"


def test_a_later_export_keeps_the_transform_of_the_release_that_it_is_made_from(run, again, corpus, questions):
    plain = corpus(questions, transform=centred())
    run(plain)
    whitened = again(corpus(questions, transform={"kind": "whiten", "shrinkage": 0.5}), "fit")
    exported = again(corpus(questions, transform=centred(), export=[{"name": "more", "format": "fbin"}]), "export")
    assert exported["transform"]["transform"] == whitened["transform"]["transform"]
    assert [entry["name"] for entry in exported["exports"]] == ["more"]
    assert len(transforms(plain)) == 2
    assert run(plain)["release_status"] == "unchanged"
