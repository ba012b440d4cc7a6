"""Regressions that are judged by rows left out."""

from dataclasses import dataclass

import numpy as np

from ._rows import Rows

_RIDGES = 10.0 ** np.arange(-15.0, 1.1, 1.0)


@dataclass(frozen=True)
class Gain:
    """What rows left out gain by further columns, as a part of their mean squared error."""

    share: float
    standard_errors: float
    coefficients: np.ndarray  # (k,)
    std: np.ndarray  # (k,)

    def is_clear(self, error: float, by_more_units: float, *, is_poor: bool = False) -> bool:
        """Whether it is beyond chance, beyond what more units would bring, and of any weight.

        ``error`` is the mean squared error that it is a share of; ``is_poor`` that of an H that is
        far worse than the fitted one.
        """
        # A part of the variance to speak of, or nearly all of what a Hamiltonian leaves. (In 60
        # years of Saturn, Jupiter leaves such terms 75 % of 4.8e-6; a damping of 0.01 is 3e-5 for a
        # pendulum.)
        relevant, nearly_all = 1e-5, 0.9
        # The same of an H that leaves far more than the fitted model (forty circles in a tilted
        # plane, all canonical, had up to 4e-5), and how much less must be left than with more units
        # (two bodies, 2 % of noise: 42 and 47 %, with more units 53 and 48 %).
        relevant_of_poor, half = 1e-4, 0.5
        weighs = self.share * error > (relevant_of_poor if is_poor else relevant)
        if is_poor:
            is_more = 1.0 - self.share < half * (1.0 - by_more_units)
        else:
            is_more = self.share > by_more_units
            weighs = weighs or self.share > nearly_all
        # An alarm needs a gain of so many standard errors. Of 728 canonical data sets two had more
        # and met the other conditions, both of 60 to 80 rows, which ``EQUATIONS_PER_UNKNOWN`` now
        # leaves out.
        standard_errors = 4.0
        return self.standard_errors > standard_errors and is_more and weighs


def crossfit(A: np.ndarray, B: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """B less its regression on A, (n, k), every fold with the weights of the other folds.

    Each column of B has the ridge that leaves the least. By normal equations, which lose what
    is smaller than 1e-8 of the whole: less than what is told.
    """
    folds = [fold == f for f in np.unique(fold)]
    grams = [A[f].T @ A[f] for f in folds]
    moments = [A[f].T @ B[f] for f in folds]
    gram, moment = sum(grams), sum(moments)
    squares, left = 0.0, []
    for f, own_gram, own_moment in zip(folds, grams, moments, strict=True):
        s, V = np.linalg.eigh(gram - own_gram)
        denominator = np.maximum(s, 0.0) + _RIDGES[:, None] * s[-1]
        q = V.T @ (moment - own_moment)
        path = V @ (q / denominator[..., None])  # (ridges, m, k)
        left.append(B[f] - A[f] @ path)  # (ridges, n of the fold, k)
        squares = squares + np.sum(left[-1] ** 2, axis=1)
    best = np.argmin(squares, axis=0)
    result = np.empty_like(B)
    for f, of_ridges in zip(folds, left, strict=True):
        result[f] = of_ridges[best, :, np.arange(B.shape[1])].T
    return result


def gain_of(rows: Rows, columns: np.ndarray, remainder: np.ndarray) -> Gain:
    """What a remainder loses on rows left out by its regression on the remainders of columns.

    The standard errors of the coefficients are those for errors that are correlated within a
    cluster ("sandwich").
    """
    explained = np.empty_like(remainder)
    for f in np.unique(rows.fold):
        out = rows.fold == f
        explained[out] = columns[out] @ _solve(columns[~out], remainder[~out])
    # By blocks: runs of other amplitudes gain unequally, and then tell little about the mean gain.
    n_blocks, n_clusters = rows.block.max() + 1, rows.cluster.max() + 1
    gains = np.bincount(rows.block, remainder**2 - (remainder - explained) ** 2, n_blocks)
    error = np.std(gains, ddof=1) * np.sqrt(n_blocks)
    coefficients = _solve(columns, remainder)
    scores = columns * (remainder - columns @ coefficients)[:, None]
    by_cluster = np.stack([np.bincount(rows.cluster, u, n_clusters) for u in scores.T], axis=1)
    bread = np.linalg.pinv(columns.T @ columns, hermitian=True)
    variances = np.einsum("ij,kj,ki->i", bread, by_cluster.T @ by_cluster, bread)
    variances *= n_clusters / (n_clusters - 1)
    return Gain(
        float(gains.sum() / (remainder @ remainder)),
        float(gains.sum() / error) if error else 0.0,
        coefficients,
        np.sqrt(np.maximum(variances, 0.0)),
    )


def _solve(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares; directions in which the columns hardly differ get nothing."""
    return np.asarray(np.linalg.lstsq(A, b, rcond=1e-6)[0])


def squares(a: np.ndarray) -> float:
    return float(np.sum(a * a))
