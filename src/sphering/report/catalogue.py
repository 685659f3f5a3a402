"""The metrics of a report: what each is called, and in one sentence what it means.

A new metric gets its entry here; gates take its name from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HEADLINES = ("mean_cosine", "mean_norm", "effective_dimension", "participation_ratio", "isoscore", "angle_w1")


@dataclass(frozen=True)
class Metric:
    """One metric in words; `form` says how its value is shown."""

    title: str
    meaning: str
    form: Literal["number", "count", "share"] = "number"


_PAIR = "Share of 10 nearest neighbours that two metrics have in common"

SPACE: dict[str, Metric] = {
    "mean_cosine": Metric(
        "Mean cosine",
        "The cosine of two vectors on average, over all pairs. 0 for random directions; near 1 all vectors point the "
        "same way and thresholds mean little.",
    ),
    "mean_norm": Metric(
        "Norm of the mean direction",
        "How long the mean of all unit vectors is: 0 where directions cancel, 1 where they are all the same.",
    ),
    "effective_dimension": Metric(
        "Effective dimension",
        "The dimension of a sphere on which random directions have cosines of this spread: 1 / Var(cos).",
    ),
    "participation_ratio": Metric(
        "Participation ratio",
        "How many principal directions share the variance: 1 for a line, the full dimension for a ball.",
    ),
    "isoscore": Metric(
        "IsoScore", "The participation ratio on a scale from 0 (a line) to 1 (equal variance in every direction)."
    ),
    "angle_w1": Metric(
        "Distance from random",
        "How far cosines are, on average, from those of random directions (Wasserstein-1); 0 is no difference.",
    ),
    "angle_ks": Metric(
        "Largest gap from random",
        "Largest difference between the distribution of cosines and that of random directions (Kolmogorov–Smirnov).",
    ),
    "uniformity": Metric(
        "Uniformity",
        "ln of the mean of exp(−2‖u − v‖²) over pairs of unit vectors: near −4 where they are spread over the whole "
        "sphere, 0 where they are all equal.",
    ),
    "cosine_variance": Metric(
        "Variance of the cosine", "How much cosines differ between pairs; 1/d for random directions in d dimensions."
    ),
    "effective_dimension_uncentred": Metric(
        "Effective dimension, uncentred",
        "1 / mean(cos²): as the effective dimension, but a common direction of all vectors lowers it.",
    ),
    "participation_ratio_unbiased": Metric(
        "Participation ratio, unbiased",
        "The same without the bias of few vectors: compare corpora of different size by it.",
    ),
    "isoscore_unbiased": Metric(
        "IsoScore, unbiased", "IsoScore from the unbiased participation ratio; it may exceed 1 by its own error."
    ),
    "rogue_share_top3": Metric(
        "Mean cosine from three dimensions",
        "Share of the mean cosine that its three largest dimensions make up: near 1, a few rogue coordinates decide.",
        "share",
    ),
    "rank": Metric(
        "Rank",
        "Directions with more variance than rounding noise; below the dimension, some coordinates are dead.",
        "count",
    ),
    "entropy_rank": Metric(
        "Spectral entropy rank",
        "exp of the entropy of the spectrum: how many directions are in use, small ones counted more.",
    ),
    "explained_variance_top1": Metric(
        "Variance in the top direction", "Share of all variance in one direction.", "share"
    ),
    "explained_variance_top10": Metric("Variance in the top 10", "Share of all variance in ten directions.", "share"),
    "condition": Metric(
        "Condition number",
        "Largest over smallest variance among the directions above noise: what full whitening multiplies by.",
    ),
    "norm_min": Metric("Smallest norm", "The shortest vector."),
    "norm_mean": Metric("Mean norm", "The mean length of the vectors; 1 where an encoder or a transform normalises."),
    "norm_max": Metric("Largest norm", "The longest vector."),
    "norm_q05": Metric("Norm, 5 %", "A twentieth of the vectors is no longer than this."),
    "norm_median": Metric("Norm, median", "Half of the vectors are no longer than this."),
    "norm_q95": Metric("Norm, 95 %", "All but a twentieth of the vectors are no longer than this."),
    "zero": Metric("Zero vectors", "Vectors without a direction; they are left out of all other numbers.", "count"),
    "non_finite": Metric("Non-finite vectors", "Vectors with a NaN or an infinity.", "count"),
    "near_duplicate_pairs": Metric(
        "Near-duplicate pairs",
        "Pairs of different texts whose different vectors have a cosine of 0.99 or more, among all texts.",
        "count",
    ),
    "knn_overlap_dot_cosine": Metric(
        "Neighbours: dot product and cosine",
        f"{_PAIR}: dot product and cosine. Below 1, an index of the wrong metric answers wrongly.",
        "share",
    ),
    "knn_overlap_euclidean_cosine": Metric(
        "Neighbours: Euclidean and cosine", f"{_PAIR}: Euclidean distance and cosine.", "share"
    ),
    "knn_overlap_euclidean_dot": Metric(
        "Neighbours: Euclidean and dot product", f"{_PAIR}: Euclidean distance and dot product.", "share"
    ),
    "knn_overlap_dot_cosine_normalised": Metric(
        "… after normalisation: dot product and cosine",
        "The same on unit vectors, where all three metrics rank alike.",
        "share",
    ),
    "knn_overlap_euclidean_cosine_normalised": Metric(
        "… after normalisation: Euclidean and cosine",
        "The same on unit vectors, where all three metrics rank alike.",
        "share",
    ),
    "knn_overlap_euclidean_dot_normalised": Metric(
        "… after normalisation: Euclidean and dot",
        "The same on unit vectors, where all three metrics rank alike.",
        "share",
    ),
    "knn_overlap_raw": Metric(
        "Neighbours kept by the transform",
        "Share of the 10 nearest neighbours by cosine that are the same before and after the transform.",
        "share",
    ),
    "hubness_skewness": Metric(
        "Hubness",
        "Skewness of how often a text is among the 10 nearest neighbours of another: far above 0, a few hubs are found "
        "for everything.",
    ),
    "hubness_robin_hood": Metric(
        "Neighbours held unequally",
        "Share of all places among neighbours that would have to change hands for every text to be found equally "
        "often.",
        "share",
    ),
    "hubness_antihub": Metric(
        "Antihubs", "Share of the texts that are among the 10 nearest neighbours of no other text.", "share"
    ),
}

EXTENDED: dict[str, Metric] = {
    "rankme": Metric(
        "RankMe", "exp of the entropy of the singular values, not centred: how many directions the vectors use."
    ),
    "stable_rank": Metric(
        "Stable rank", "‖X‖_F²/‖X‖² of the vectors as they are: 1 where they all lie along one direction."
    ),
    "nesum": Metric("NESum", "Total variance over that of the top direction: the stable rank after centring."),
    "partition_isotropy": Metric(
        "Partition isotropy",
        "min Z/max Z of the sums Z of exp(c·x) over principal directions c, both ways: 1 where none stands out. It "
        "depends on the norms.",
    ),
    "marchenko_pastur_edge": Metric(
        "Noise edge", "The largest variance of a direction that noise alone would show (Marchenko and Pastur)."
    ),
    "marchenko_pastur_above": Metric(
        "Directions above the noise edge", "Directions with more variance than noise alone would show.", "count"
    ),
    "vmf_kappa": Metric(
        "Concentration",
        "κ of the von Mises–Fisher distribution with this mean cosine: how tightly directions lie around their mean.",
    ),
    "self_cluster": Metric(
        "SelfCluster", "The mean of cos² from 0 (random directions) to 1 (all vectors on one line)."
    ),
    "twonn_dimension": Metric(
        "Intrinsic dimension, TwoNN",
        "Dimension of the surface that the vectors lie on, by the distances to their two nearest neighbours.",
    ),
    "mle_dimension": Metric(
        "Intrinsic dimension, 20 neighbours",
        "The same by the distances to 20 neighbours: over a wider patch, and not ruled by near-duplicates.",
    ),
}
"""Metrics of a space that `[report] extended = true` adds."""
SPACE |= EXTENDED

_OVERLAPS = tuple(name for name in SPACE if name.startswith("knn_overlap_") and name != "knn_overlap_raw")
RAW_ONLY = (*_OVERLAPS, "norm_q05", "norm_median", "norm_q95")
TRANSFORMED_ONLY = ("knn_overlap_raw",)

TEXTS: dict[str, Metric] = {
    "documents": Metric("Documents", "Rows of the snapshot, each with a vector.", "count"),
    "texts": Metric("Distinct texts", "Different texts among the documents; each was encoded once.", "count"),
    "duplicate_documents": Metric(
        "Repeated documents", "Documents whose text another document has too, beyond the first.", "count"
    ),
    "duplicate_texts_share": Metric(
        "Share of repeats", "Repeated documents as a share of all: they weigh in every average.", "share"
    ),
    "tokens_mean": Metric(
        "Tokens a document", "Mean length in the model's tokens, special tokens included, before truncation."
    ),
    "tokens_min": Metric(
        "Tokens of the shortest",
        "Tokens of the shortest document: special tokens and prompt are at most so many.",
        "count",
    ),
    "tokens_per_character": Metric(
        "Tokens per character",
        "Tokens for each Unicode character of the texts: many where words fall into pieces, as in a strange language.",
    ),
    "truncated": Metric(
        "Truncated documents", "Documents longer than the model reads; their ends are in no vector.", "count"
    ),
    "truncated_share": Metric("Share truncated", "Truncated documents as a share of all.", "share"),
    "unknown_share": Metric(
        "Unknown tokens", "Share of tokens that the model's vocabulary lacks: it sees a blank there.", "share"
    ),
    "duplicate_vectors": Metric(
        "Repeated vectors", "Documents whose vector another document has too, beyond the first.", "count"
    ),
    "equal_vector_texts": Metric(
        "Texts with an equal vector",
        "Different texts with exactly the same vector: no index can tell them apart.",
        "count",
    ),
    "equal_vector_texts_share": Metric(
        "Share with an equal vector", "Texts with an equal vector as a share of all texts.", "share"
    ),
}

LABELS = (
    "documents",
    "texts",
    "tokens_per_character",
    "unknown_share",
    "truncated_share",
    "equal_vector_texts",
    "equal_vector_texts_share",
)
"""Those metrics of texts that are measured for each label, too."""

LABEL_GEOMETRY: dict[str, Metric] = {
    "cosine_within": Metric(
        "Mean cosine within labels", "The cosine of two documents of one label on average, over all such pairs."
    ),
    "cosine_between": Metric(
        "Mean cosine between labels", "The cosine of two documents of different labels on average, over all such pairs."
    ),
    "cosine_gap": Metric(
        "Within less between",
        "How much closer documents of one label are than those of two: what a common direction of all does not lift.",
    ),
    "knn_accuracy_1": Metric(
        "Label of the nearest neighbour", "Share of texts whose nearest neighbour has the same label.", "share"
    ),
    "knn_accuracy_5": Metric(
        "Label of five neighbours", "Share of texts whose label most of their five nearest neighbours have.", "share"
    ),
    "centroid_accuracy": Metric(
        "Label of the nearest mean",
        "Share of texts that are nearer to their own label's mean, without them, than to any other label's.",
        "share",
    ),
    "nc1": Metric(
        "NC1",
        "Spread within labels in units of that between their means, tr(S_W pinv(S_B))/C: 0 where each label has one "
        "vector.",
    ),
    "cdnv": Metric(
        "Class-distance normalised variance",
        "Spread within two labels over the squared distance of their means, on average over pairs of labels.",
    ),
}
"""Metrics of each column of labels, in both spaces."""
EXTENDED_LABEL_GEOMETRY = ("nc1", "cdnv")

EVALUATION: dict[str, Metric] = {
    "ndcg_at_10": Metric(
        "nDCG@10", "How good the first ten hits are, the first ones weighing most: 1 where no order would be better."
    ),
    "mrr_at_10": Metric(
        "MRR@10", "1 over the rank of the first relevant hit, on average; 0 where none of ten is: 1 is best."
    ),
    "recall_at_1": Metric("Recall@1", "Share of the relevant documents that the first hit finds, on average."),
    "recall_at_10": Metric("Recall@10", "Share of the relevant documents that are among the first ten hits."),
    "recall_at_100": Metric("Recall@100", "Share of the relevant documents that are among the first hundred hits."),
    "map_at_100": Metric(
        "MAP@100", "The precision down to each relevant document among a hundred hits: 1 where these all come first."
    ),
    "alpha": Metric(
        "Inverse temperature α",
        "The α that makes relevant documents likeliest under P(d|q) = exp(α cos)/Σ exp(α cos): the larger, the sharper "
        "cosines tell right from wrong.",
    ),
    "log_likelihood": Metric(
        "Log-likelihood",
        "ln of the probability of a relevant document under that P, on queries that α was not fitted on: nearer to 0 "
        "is better.",
    ),
    "entropy": Metric(
        "Entropy of the answer",
        "How undecided that P is, in nats: its exponential is how many documents compete for an answer.",
    ),
    "calibration_error": Metric(
        "Calibration error",
        "How far the probability of the best hit is from how often it is right: 0 is best, chance alone makes some.",
    ),
    "kl_raw_transformed": Metric(
        "Moved by the transform", "KL divergence of that P before and after the transform: 0 where answers stay alike."
    ),
    "spearman": Metric(
        "Spearman's ρ", "Rank correlation of cosines with people's scores: 1 where both put pairs in the same order."
    ),
    "alignment": Metric(
        "Alignment", "Squared distance of the two texts of a positive pair, on average: 0 where they are one."
    ),
    "info_nce": Metric(
        "InfoNCE",
        "−ln of the probability of the right partner among 128, by the softmax of cos/τ: 0 is best, a guess has 4.85. "
        "A small temperature τ looks at the nearest texts alone.",
    ),
    "thresholds": Metric(
        "Thresholds on the cosine",
        "Of what has at least this cosine: the share of all that it is, the share of it that is right, and how much of "
        "all that could be right it finds.",
    ),
}
"""Metrics of an evaluation, in both spaces; what is counted stands in a sentence."""

CHANGES: dict[str, Metric] = {
    "added": Metric("Added", "Documents whose id and text are new.", "count"),
    "retexted": Metric("Retexted", "Documents that have another text under the same id.", "count"),
    "relabelled": Metric("Relabelled", "Documents that have other metadata with the same id and text.", "count"),
    "moved": Metric("Moved", "Documents whose text now stands under another id.", "count"),
    "removed": Metric("Removed", "Documents of the base whose id and text are gone.", "count"),
    "unchanged": Metric("Unchanged", "Documents that are as they were.", "count"),
}

COUNTS = tuple(name for name, metric in {**SPACE, **TEXTS}.items() if metric.form == "count")


def metric_of(name: str) -> Metric | None:
    """Return a metric of an evaluation or of labels by its name; None where neither table has it."""
    return EVALUATION.get(name) or LABEL_GEOMETRY.get(name)
