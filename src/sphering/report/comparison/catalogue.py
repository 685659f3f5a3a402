"""The numbers of a comparison: what each is called, and in one sentence what it means."""

from __future__ import annotations

from sphering.report.catalogue import Metric

DRIFT: dict[str, Metric] = {
    "drift": Metric(
        "Drift",
        "How far the vectors moved, mean and spread together, in units of A's variance: ‖Δμ‖² + Bures² over tr S.",
    ),
    "drift_share": Metric(
        "Drift as a share of max_drift", "Beyond 1 a transform that was fitted on A is fitted again.", "share"
    ),
    "mean_shift": Metric("Mean shift", "The way between the two means in units of the spread within the releases."),
    "mean_shift_cosine": Metric("Cosine of the means", "1 where the two means point the same way."),
    "covariance_shift": Metric("Change of the spread", "The Bures part of the drift: how the covariance changed."),
    "domain_auc": Metric(
        "Domain classifier",
        "How well a classifier tells the texts that one release alone has from those of the other: 0.5 not at all, 1 "
        "always.",
    ),
}
"""Of two releases in which a text has the same vector: other documents."""

SAME_TEXTS: dict[str, Metric] = {
    "knn_overlap": Metric(
        "Neighbours kept", "Share of its 10 nearest neighbours among the common texts that a text keeps.", "share"
    ),
    "rsa": Metric(
        "Rank correlation of cosines", "Whether pairs that are closer in A are closer in B: Spearman's, 1 for the same."
    ),
    "cka_linear": Metric(
        "Linear CKA", "How alike the dot products are, 1 for a rotated space; biased upwards by few texts."
    ),
    "cka_linear_debiased": Metric("Linear CKA, debiased", "The same without that bias: 0 for unrelated spaces."),
    "cka_rbf": Metric(
        "RBF-kernel CKA, debiased",
        "How alike the neighbourhoods are. Well below the linear one, distances changed in a way that neither dot "
        "products nor cosines on average show.",
    ),
    "procrustes_residual": Metric(
        "Procrustes residual",
        "The share of A's variance that no rotation of B explains: 0 for a rotated space.",
        "share",
    ),
}
"""Of two releases in which a text has another vector: another encoder, or another transform."""

SAMENESS: dict[str, Metric] = {
    "equal_texts_share": Metric(
        "Texts with equal vectors", "Share of the common texts whose vectors are equal in every bit.", "share"
    ),
    "max_cosine_distance": Metric("Largest distance", "The largest cosine distance of a common text's two vectors."),
}
"""Whether a text does have the same vector where it should."""

COMPARED = {**SAMENESS, **DRIFT, **SAME_TEXTS}
