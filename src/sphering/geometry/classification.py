"""Labels told from neighbours and from the means of labels, each vector left out of what it is told by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sphering.geometry.blas import one_blas_thread
from sphering.geometry.estimate import Estimate, exact, undefined
from sphering.geometry.gram import Array
from sphering.geometry.grouped import NO_GROUP, GroupedSums, Groups
from sphering.geometry.neighbours import Rows

_TIES = 2.0**40  # cosines within 2^-40 tie, as in the search for neighbours
_ROWS = 512
ONE_TEXT = "no two of these texts have the same label"
ONE_LABEL = "all of these texts that have a label have the same one"


def nearest_first(units: Array, rows: Rows) -> Rows:
    """Return the neighbours of each vector by descending cosine, ties to the lowest row.

    Parameters
    ----------
    units : ndarray, shape (n, d)
    rows : ndarray, shape (n, k)
        The neighbours of each vector, in ascending order.
    """
    ranked = np.empty_like(rows)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        cosines = np.einsum("ijk,ik->ij", units[part], units[start : start + _ROWS])
        order = np.argsort(-np.round(cosines * _TIES), axis=1, kind="stable")
        ranked[start : start + _ROWS] = np.take_along_axis(part, order, axis=1)
    return ranked


def majority(votes: Groups) -> Groups:
    """Return the most frequent label of each row of votes, (n, k) nearest first; of equally frequent ones the first."""
    frequency = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    return np.asarray(votes[np.arange(len(votes)), frequency.argmax(axis=1)])


def neighbour_accuracy(ranked: Rows, labels: Groups, k: int) -> Estimate:
    """Return the share of vectors whose label the majority of their k nearest neighbours has.

    A vector whose label no other has cannot be told and is not counted.

    Parameters
    ----------
    ranked : ndarray, shape (n, m), m >= k
        Neighbours among the n vectors, nearest first; no vector is its own.
    labels : ndarray, shape (n,), int64
        Each vector's label, from 0 on.
    k : int
    """
    known = np.bincount(labels)[labels] > 1 if len(labels) else np.empty(0, bool)
    missing = _untold(len(labels), len(np.unique(labels)), int(known.sum()))
    if missing is not None:
        return missing
    if ranked.shape[1] < k:
        return undefined(f"{len(labels)} texts have no {k} neighbours each", len(labels))
    told = majority(labels[ranked[known, :k]])
    return exact(float(np.mean(told == labels[known])), int(known.sum()))


def centroid_accuracy(units: Array, labels: Groups, copies: NDArray[np.int64], sums: GroupedSums) -> Estimate:
    """Return the share of vectors that are nearer, by cosine, to their own label's mean than to any other's.

    A vector and its copies are taken out of its own label's sum first. One whose label has no other document is not
    counted, nor is one without a label; between equal cosines none is nearer.

    Parameters
    ----------
    units : ndarray, shape (n, d)
    labels : ndarray, shape (n,), int64
        Group of each vector in `sums`, or `NO_GROUP`.
    copies : ndarray, shape (n,), int64
        How often each vector stands in its label's sum.
    sums : GroupedSums
    """
    known = np.flatnonzero((labels != NO_GROUP) & (copies < np.where(labels != NO_GROUP, sums.counts[labels], 0)))
    missing = _untold(int(np.sum(labels != NO_GROUP)), int(np.sum(sums.counts > 0)), len(known))
    if missing is not None:
        return missing
    lengths = np.sqrt(sums.squares)
    centroids = sums.sums / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    right = 0
    for start in range(0, len(known), _ROWS):
        rows = known[start : start + _ROWS]
        with one_blas_thread():
            cosines = units[rows] @ centroids.T
        cosines[:, (sums.counts == 0) | (lengths == 0.0)] = -np.inf
        cosines[np.arange(len(rows)), labels[rows]] = -np.inf
        right += int(np.sum(_own_cosine(units[rows], sums.sums[labels[rows]], copies[rows]) > cosines.max(axis=1)))
    return exact(right / len(known), len(known))


def _own_cosine(units: Array, sums: Array, copies: NDArray[np.int64]) -> Array:
    """Return the cosine of each vector with its label's sum less its own copies."""
    rest = sums - copies[:, None] * units
    lengths = np.sqrt(np.vecdot(rest, rest))
    return np.asarray(np.vecdot(units, rest) / np.where(lengths > 0.0, lengths, 1.0))


def _untold(labelled: int, different: int, known: int) -> Estimate | None:
    """Return why no label can be told of so many labelled texts, so many different labels, and so many not alone."""
    if labelled == 0:
        return undefined("none of these texts has a label")
    if different < 2:
        return undefined(ONE_LABEL, labelled)
    return undefined(ONE_TEXT, labelled) if known == 0 else None
