"""Linear least squares from triangular factors: every ridge at once, errors on rows left out.

With the hidden layers fixed, the field is linear in the last weights w, and the loss is
||A w - t||^2 with one row of [A t] for every (row, column) of the data. The rows are cut into
folds, and each fold is reduced, piece by piece, to its triangular factor

    R^T R = [A t]^T [A t],    (m + 1) x (m + 1),

and never needed again: the factor of a union of folds is that of the stacked factors; a singular
value decomposition of it gives w for every ridge; the squared error of w on a fold is
||R (w, -1)||^2.

References
----------
J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and
LU factorizations", SIAM J. Sci. Comput. 34 (2012) A206-A239 (the sequential factorisation).

T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd ed., sections
3.4.1 (ridge by SVD) and 7.10 (cross-validation).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from ..hamiltonians import Equations, Params
from ._known import Known, nothing_known
from ._problem import Problem

# Ridges tried, as multiples of the largest squared singular value. Singular values far below the
# rounding error of the largest one are still of use, hence the smallest.
_RIDGES = 10.0 ** np.arange(-30.0, 2.5, 0.5)
# Every fold is left out in turn where that costs little; the first one alone where there are rows
# enough.
_EQUATIONS_FOR_ALL_FOLDS = 8_000
_UNKNOWNS_FOR_ALL_FOLDS = 256
# The largest ridge whose error is within this factor of the smallest one is taken: it costs nothing
# on the rows left out and gives a smoother H beside them. Where most of the error is noise a larger
# factor would cost a lot: 1.02 of 10 % of noise is a model error of 2 %.
SLACK = 1.001
_TINY = np.finfo(float).tiny


@dataclass
class Fold:
    """The factor R of the rows of a fold, their total weight and the number of equations.

    R is that of the last weights that are not ``known``, zero in the columns of those that are.
    """

    R: np.ndarray
    weight: float
    n_equations: int
    known: Known


@dataclass
class RidgeFit:
    """The last weights w (m,); ``error`` and ``training_error`` are sqrt(1 - R^2).

    ``effective_unknowns`` is sum s^2 / (s^2 + ridge), of ``n_equations``.
    """

    w: np.ndarray
    ridge: float
    error: float
    training_error: float
    effective_unknowns: float
    n_equations: int


def reduce(
    equations: Equations,
    params: Params,
    problem: Problem,
    rows: np.ndarray,
    known: Known | None = None,
) -> Fold:
    """The fold of some rows of a problem, in pieces of a few times m equations."""
    m, known = equations.n_last, known or nothing_known(equations)
    root_w = np.sqrt(problem.scaling.w)
    n_rows = max(4 * m // problem.n_features, 64)
    R, weight = np.zeros((0, m + 1)), 0.0
    for start in range(0, len(rows), n_rows):
        X, y, c = problem.take(rows[start : start + n_rows])
        c = c * problem.total_weight
        root = np.sqrt(c)[:, None] * root_w
        A = equations.basis(params, X)
        A *= root[..., None]
        t = y * root - A @ known.w
        A *= known.free
        block = np.concatenate([A, t[..., None]], axis=2).reshape(-1, m + 1)
        R = triangular(np.concatenate([R, block]))
        weight += float(c.sum())
    return Fold(R, weight, len(rows) * problem.n_features, known)


def triangular(A: np.ndarray) -> np.ndarray:
    """R of A = Q R."""
    return np.asarray(np.linalg.qr(A, mode="r"))


def svd(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, s and V^T of A; the slower method of LAPACK where the fast one gives up."""
    try:
        U, s, Vt = np.linalg.svd(A, full_matrices=False)
    except np.linalg.LinAlgError:
        U, s, Vt = linalg.svd(A, full_matrices=False, lapack_driver="gesvd")
    return U, s, Vt


def union(folds: list[Fold]) -> Fold:
    """Several folds as one."""
    R = folds[0].R
    if len(folds) > 1:
        R = triangular(np.concatenate([fold.R for fold in folds]))
    weight, n_equations = sum(f.weight for f in folds), sum(f.n_equations for f in folds)
    return Fold(R, weight, n_equations, folds[0].known)


def fit_ridge(
    folds: list[Fold],
    smallest_ridge: float = 0.0,
    around: np.ndarray | None = None,
    *,
    refit: bool = True,
    first_only: bool = False,
    slack: float = SLACK,
) -> RidgeFit:
    """Choose the ridge by rows left out, with which w is fitted to all folds.

    Of few rows every fold is left out in turn, of many (or with ``first_only``) the first one.

    The ridge pulls w towards ``around``, by default zero. Without ``refit``, and if a single fold
    is left out, w is that of the others. With one fold in all there is nothing to choose by, and
    the ridge is the smallest one.
    """
    m = folds[0].R.shape[1] - 1
    if around is not None:  # solve for the difference
        folds = [replace(fold, R=_shifted(fold.R, around)) for fold in folds]
    n_equations = sum(fold.n_equations for fold in folds)
    few = n_equations <= _EQUATIONS_FOR_ALL_FOLDS and m <= _UNKNOWNS_FOR_ALL_FOLDS
    each_in_turn = few and not first_only
    errors, fitted_to, path = np.full(len(_RIDGES), np.nan), None, None
    if len(folds) > 1:
        squares, weight = np.zeros(len(_RIDGES)), 0.0
        for f in range(len(folds) if each_in_turn else 1):
            fitted_to = union(folds[:f] + folds[f + 1 :])
            path = _Path(fitted_to, smallest_ridge)
            squares += _squares(folds[f], path.weights)
            weight += folds[f].weight
        errors = np.sqrt(squares / weight)
    k = 0
    if np.isfinite(errors).any():
        k = int(np.flatnonzero(errors <= slack * np.nanmin(errors))[-1])
    if path is None or fitted_to is None or refit or each_in_turn:
        fitted_to = union(folds)
        path = _Path(fitted_to, smallest_ridge)
    known = fitted_to.known
    w = path.weights[:, k] * known.free
    training_error = float(np.sqrt(_squares(fitted_to, w[:, None])[0] / fitted_to.weight))
    unknowns = float(np.sum(path.s**2 / np.maximum(path.s**2 + path.ridges[k], _TINY)))
    return RidgeFit(
        known.w + w + (0.0 if around is None else around),
        float(path.ridges[k]),
        float(errors[k]),
        training_error,
        unknowns,
        fitted_to.n_equations,
    )


def _shifted(R: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The factor of [A, t - A w]."""
    return np.column_stack([R[:, :-1], R[:, -1] - R[:, :-1] @ w])


class _Path:
    """w(ridge) = V s q / (s^2 + ridge), with R = [U s V^T, U q]; one column for every ridge."""

    def __init__(self, fold: Fold, smallest_ridge: float):
        U, s, Vt = svd(fold.R[:, :-1])
        self.s = s
        q = U.T @ fold.R[:, -1]
        self.ridges = np.maximum(_RIDGES * s[0] ** 2, smallest_ridge)
        # Where s and the ridge underflow together, the direction carries nothing.
        denominator = np.maximum(s[:, None] ** 2 + self.ridges, _TINY)
        self.weights = Vt.T @ ((s * q)[:, None] / denominator)


def _squares(fold: Fold, W: np.ndarray) -> np.ndarray:
    residual = fold.R[:, :-1] @ W - fold.R[:, -1:]
    return np.einsum("ij,ij->j", residual, residual)
