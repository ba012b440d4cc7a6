"""Rows left out to judge by: whole trajectories, or blocks of neighbouring rows."""

import numpy as np

from ._problem import Problem

# Rows that are neighbours in the data are often neighbours in time: leaving out single rows of a
# trajectory would ask for interpolation only.
_BLOCKS = 50
# Fewer runs than this say too little about the spread between runs; blocks of rows then do.
FEWEST_RUNS = 8


def labels_of(problem: Problem, n_folds: int) -> np.ndarray:
    """The group of every row, (n,), or where groups are fewer than folds, its block."""
    groups = problem.groups_of_rows()
    if groups is not None:
        names, labels = np.unique(groups, return_inverse=True)
        if len(names) >= n_folds:
            return labels
    return np.arange(problem.n_samples) // max(1, problem.n_samples // _BLOCKS)


def blocks_of(problem: Problem) -> np.ndarray:
    """The block of neighbouring rows, of one run, that each row is in, (n,)."""
    groups, n = problem.groups_of_rows(), problem.n_samples
    block = np.arange(n) // max(n // _BLOCKS, 1)
    if groups is None:
        return block
    runs = np.unique(groups, return_inverse=True)[1].ravel()
    return np.unique(np.column_stack([runs, block]), axis=0, return_inverse=True)[1].ravel()


def clusters_of(problem: Problem) -> np.ndarray:
    """The run of each row, (n,), of few runs its block of neighbours: there errors may be alike."""
    groups = problem.groups_of_rows()
    if groups is not None:
        names, runs = np.unique(groups, return_inverse=True)
        if len(names) >= FEWEST_RUNS:
            return runs.ravel()
    return blocks_of(problem)


def make_folds(problem: Problem, n_folds: int, rng: np.random.RandomState) -> list[np.ndarray]:
    """The rows of the problem in ``n_folds`` parts that share no group and no block."""
    labels = labels_of(problem, n_folds)
    fold_of_row = (rng.permutation(labels.max() + 1) % n_folds)[labels]
    parts = [np.flatnonzero(fold_of_row == k) for k in range(n_folds)]
    return [rows for rows in parts if len(rows)]


def some(rows: np.ndarray, n_rows: int, rng: np.random.RandomState) -> np.ndarray:
    """At most ``n_rows`` of them, at random, in their order."""
    if len(rows) <= n_rows:
        return rows
    return rows[np.sort(rng.choice(len(rows), n_rows, replace=False))]
