"""Documents count in the fit by a column of their metadata."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from sphering.errors import InputError
from sphering.run.fit import read_transform
from sphering.run.weights import batch_weights
from sphering.store.documents import read_document
from sphering.store.store import Store


@pytest.fixture
def weighed(corpus, questions, tmp_path):
    """Return a function that returns a configuration over 40 questions, each with a weight."""

    def configured(masses, **transform):
        ids, texts = zip(*questions[:40], strict=True)
        pq.write_table(pa.table({"id": ids, "text": texts, "mass": masses}), tmp_path / "weighed.parquet")
        source = {"path": str(tmp_path / "weighed.parquet"), "metadata": ["mass"]}
        return corpus(questions[:1], source=source, transform={"kind": "center", "weights": "mass", **transform})

    return configured


def stored(config, result):
    store = Store.open(Path(config.store)).corpus(config.corpus)
    release = store.release(result["release"])
    report = read_document(store.files, store.layout.report(release.report))
    return store.snapshot(release.snapshot), read_transform(store, release.transform), report


def test_a_transform_is_fitted_by_the_weights_of_a_column(run, weighed):
    masses = 1.0 / np.arange(1, 41)
    masses[7] = 0.0
    config = weighed(masses)
    snapshot, transform, report = stored(config, run(config))
    documents = snapshot.scan().collect()
    weights = documents["metadata"].str.json_path_match("$.mass").cast(float).to_numpy()
    vectors = np.array(documents["embedding"].to_list())
    assert np.allclose(transform.fitted_mean, np.average(vectors, axis=0, weights=weights), rtol=1e-9, atol=1e-15)
    assert np.allclose(transform.fitted_covariance, np.cov(vectors.T, aweights=weights), rtol=1e-8, atol=1e-16)
    assert transform.n == 39
    assert transform.effective_n == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert transform.parameters["weights"] == "mass"
    assert report["transform"]["drift"]["value"] < 1e-12
    assert report["transform"]["drift"]["over"] == "documents"
    assert report["raw"]["norm_mean"]["n"] == 40


def test_other_weights_of_the_same_documents_drift(run, weighed):
    first = run(weighed(1.0 / np.arange(1, 41)))
    moved = run(weighed(np.arange(1.0, 41.0)))
    assert moved["transform"]["status"] == "fitted"
    assert moved["transform"]["transform"] != first["transform"]["transform"]


def test_weights_written_as_text_are_numbers(run, weighed):
    config = weighed([str(each) for each in range(40)])
    assert stored(config, run(config))[1].n == 39


@pytest.mark.parametrize(
    ("masses", "said"),
    [
        ([1.0, None], "no weight"),
        ([1.0, -0.5], "the weight -0.5"),
        (["1", "often"], 'the weight "often"'),
        ([True, True], "the weight true"),
    ],
)
def test_a_weight_that_is_none_is_refused_and_its_document_named(run, weighed, questions, masses, said):
    with pytest.raises(InputError) as caught:
        run(weighed(masses * 20))
    message = str(caught.value)
    assert said in message
    assert any(f"the document {doc_id!r}" in message for doc_id, _ in questions[:40])
    assert "weights = 'mass'" in message


def test_weights_that_are_all_zero_are_refused(run, weighed):
    with pytest.raises(InputError, match="the weight of every document is 0"):
        run(weighed([0.0] * 40))


def test_one_document_with_all_the_weight_is_refused(run, weighed):
    with pytest.raises(InputError, match="one document has all the weight"):
        run(weighed([1.0] + [1e-30] * 39))


def test_weights_need_a_column_that_is_kept(weighed):
    with pytest.raises(ValidationError, match="weights = 'masses', which is no column"):
        weighed([1.0] * 40, weights="masses")


def test_a_column_may_have_any_name():
    batch = pa.record_batch({"doc_id": ["a", "b"], "metadata": ['{"a/b~c.d":2.5}', '{"a/b~c.d":1e-7}']})
    with duckdb.connect() as connection:
        assert batch_weights(connection, batch, "a/b~c.d").tolist() == [2.5, 1e-7]
